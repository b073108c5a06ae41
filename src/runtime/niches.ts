import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import { ConfigInvalidError, PluginInvalidError } from '../core/errors.ts';
import type { Niche, NicheDefinition } from '../core/niche.ts';
import { circlePacking } from '../niches/circle-packing/niche.ts';
import { isModulePath, loadPlugin, parseParams } from './plugins.ts';

const builtIn: Readonly<Record<string, NicheDefinition<never>>> = {
  'circle-packing': circlePacking as unknown as NicheDefinition<never>,
};

/** @throws {ConfigInvalidError} for a name that is not built in. @throws {PluginInvalidError} for a module that defines no niche. */
export async function createNiche(config: ExperimentConfig, experimentDir: string): Promise<Niche> {
  const { module, params } = config.niche;
  const definition = isModulePath(module)
    ? await loadPlugin<NicheDefinition<never>>('niche', module, experimentDir)
    : builtIn[module];
  if (definition === undefined) {
    throw new ConfigInvalidError(
      `no niche ${JSON.stringify(module)}; built in: ${Object.keys(builtIn).join(', ')}; or give a module path such as ./niche.ts`,
    );
  }
  const niche = definition.create(parseParams(definition, params));
  if (typeof niche?.situations !== 'function' || typeof niche.measure !== 'function') {
    throw new PluginInvalidError(
      `niche ${definition.name}: create() must return { name, version, situations, measure }`,
    );
  }
  return niche;
}
