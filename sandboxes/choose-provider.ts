import { SandboxUnavailableError } from '../src/core/errors.ts';
import type { ProviderStatus, SandboxProvider } from './sandbox.ts';

export type ProviderName = 'auto' | 'docker' | 'bubblewrap' | 'process';

export interface ChosenProvider {
  readonly provider: SandboxProvider;
  readonly status: ProviderStatus;
}

const strength: readonly SandboxProvider['isolation'][] = ['container', 'namespaces', 'none'];

/**
 * Takes the named provider, or with `auto` the strongest that works here.
 * Whether code may run on the one found is not decided here.
 *
 * @throws {SandboxUnavailableError} with each candidate's reason and remedy when none works.
 */
export async function chooseProvider(
  name: ProviderName,
  providers: readonly SandboxProvider[],
): Promise<ChosenProvider> {
  const candidates = providers
    .filter((provider) => name === 'auto' || provider.name === name)
    .sort((a, b) => strength.indexOf(a.isolation) - strength.indexOf(b.isolation));
  const refusals: string[] = [];
  for (const provider of candidates) {
    const status = await provider.probe();
    if (status.usable) return { provider, status };
    refusals.push(`${provider.name}: ${status.why}. To fix it: ${status.fix}`);
  }
  const known = providers.map((provider) => provider.name).join(', ');
  throw new SandboxUnavailableError(
    refusals.length > 0
      ? refusals.join('\n')
      : `there is no sandbox provider ${JSON.stringify(name)} (known: ${known})`,
  );
}
