import { chooseProvider, type ProviderName } from '../../sandboxes/choose-provider.ts';
import { builtInProviders } from '../../sandboxes/providers.ts';
import type { SandboxDefinition, SandboxProvider } from '../../sandboxes/sandbox.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import { SandboxUnavailableError } from '../core/errors.ts';
import { isModulePath, loadPlugin } from './plugins.ts';

/** A built-in provider by name, the usable one with the fewest gaps for `auto`, or a module's. @throws {SandboxUnavailableError} */
export async function openProvider(
  name: string,
  { image, runtime }: Pick<ExperimentConfig['sandbox'], 'image' | 'runtime'>,
  experimentDir: string,
): Promise<SandboxProvider> {
  if (!isModulePath(name)) {
    const docker = { image, ...(runtime === undefined ? {} : { runtime }) };
    return (await chooseProvider(name as ProviderName, builtInProviders({ docker }))).provider;
  }
  const definition = await loadPlugin<SandboxDefinition>('sandbox', name, experimentDir);
  const provider = await definition.create();
  const status = await provider.probe();
  if (!status.usable)
    throw new SandboxUnavailableError(`sandbox ${definition.name}: ${status.why}. To fix it: ${status.fix}`);
  return provider;
}
