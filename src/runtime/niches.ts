import type { OpenSandbox, SandboxProvider } from '../../sandboxes/sandbox.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import { ConfigInvalidError, PluginInvalidError, SandboxUnavailableError } from '../core/errors.ts';
import type { Niche, NicheDefinition, Split } from '../core/niche.ts';
import { circlePacking } from '../niches/circle-packing/niche.ts';
import { grading } from '../niches/grading/niche.ts';
import { storage } from '../niches/storage/niche.ts';
import { isModulePath, loadPlugin, parseParams } from './plugins.ts';

/** What a niche is lent that executes answers itself, in sandboxes of its own. */
export interface NicheSandboxes {
  readonly openSandbox: OpenSandbox;
}

/** All that a niche is lent. */
export interface NicheTools extends NicheSandboxes {
  /** What relative paths in its parameters are relative to. */
  readonly experimentDir: string;
  /** Of all runs of the experiment. */
  readonly seeds: readonly number[];
  /** The most situations of each split that one run may ask for. */
  readonly most: Readonly<Record<Split, number>>;
}

type AnyNiche = NicheDefinition<never, NicheTools>;

const builtIn: Readonly<Record<string, AnyNiche>> = {
  'circle-packing': circlePacking as unknown as AnyNiche,
  grading: grading as unknown as AnyNiche,
  storage: storage as unknown as AnyNiche,
};

/** @throws {ConfigInvalidError} when a niche could measure nothing with this provider. */
export function checkVolumes(niche: Niche, provider: SandboxProvider): void {
  if (niche.needsVolumes !== true || provider.showsVolumes === true) return;
  throw new ConfigInvalidError(
    `niche ${niche.name} measures sandboxes from outside, and ${provider.name} does not show their volumes; set sandbox.provider: bubblewrap (galapagos doctor says what that needs here)`,
  );
}

/** Name and version, as a run keeps them. */
export function labelOf({ name, version }: Niche): string {
  return `${name} ${version}`;
}

/**
 * @param begun - What the run was begun with; older runs do not say.
 * @throws {ConfigInvalidError} when scores would be measured in another way from here on.
 */
export function checkSameNiche(niche: Niche, begun: string | undefined): void {
  if (begun === undefined || begun === labelOf(niche)) return;
  throw new ConfigInvalidError(
    `the run was begun with niche ${begun}, and this is ${labelOf(niche)}: its scores would not compare`,
    { details: { next: 'put back what the niche measures with, such as its table, or start a new run' } },
  );
}

/** While an experiment is only checked: a niche hands out situations then, and measures nothing. */
const nothingLent: NicheSandboxes = {
  openSandbox: () => Promise.reject(new SandboxUnavailableError('nothing is measured before a run has begun')),
};

/** @throws {ConfigInvalidError} for a name that is not built in. @throws {PluginInvalidError} for a module that defines no niche. */
export async function createNiche(
  config: ExperimentConfig,
  experimentDir: string,
  sandboxes: NicheSandboxes = nothingLent,
): Promise<Niche> {
  const { module, params } = config.niche;
  const tools = { openSandbox: sandboxes.openSandbox, experimentDir, seeds: config.seeds, most: mostItems(config) };
  const definition = isModulePath(module)
    ? await loadPlugin<AnyNiche>('niche', module, experimentDir)
    : builtIn[module];
  if (definition === undefined) {
    throw new ConfigInvalidError(
      `no niche ${JSON.stringify(module)}; built in: ${Object.keys(builtIn).join(', ')}; or give a module path such as ./niche.ts`,
    );
  }
  const niche = definition.create(parseParams(definition, params), tools);
  if (typeof niche?.situations !== 'function' || typeof niche.measure !== 'function') {
    throw new PluginInvalidError(
      `niche ${definition.name}: create() must return { name, version, situations, measure }`,
    );
  }
  return niche;
}

/** Looks of the gate take selection items that were never used, one after another. */
function mostItems({ items, gate, budget }: ExperimentConfig): Record<Split, number> {
  const { test, looks, itemsPerLook } = gate.improvement;
  const fresh = test === 'paired' ? budget.generations * looks * itemsPerLook : 0;
  return { train: items.train, selection: items.selection + fresh, test: items.test };
}
