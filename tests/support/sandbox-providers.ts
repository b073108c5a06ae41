import { builtInProviders } from '../../sandboxes/providers.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';

async function describeProvider(provider: SandboxProvider): Promise<[string, () => SandboxProvider, string | null]> {
  const { name } = provider;
  const { usable, why, fix } = await provider.probe();
  const create = () => builtInProviders().find((other) => other.name === name)!;
  return [name, create, usable ? null : `${why}; ${fix}`];
}

/** Every built-in provider, for `describe.each`: its name, how to make one, and what is missing for it here. */
export const sandboxProviders = await Promise.all(builtInProviders().map(describeProvider));
