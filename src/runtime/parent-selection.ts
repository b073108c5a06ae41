import { type Annealing, type Draws, parentSelection, selectionPolicies } from '../../actors/lineage/selection.ts';
import { arms } from '../core/config/arms.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import type { ArchiveEntry, SelectionDefinition } from '../core/define.ts';
import { PluginInvalidError } from '../core/errors.ts';
import type { LineageId } from '../core/ids.ts';
import { pythonRandom } from '../core/python-random.ts';
import { randomStream } from '../core/random.ts';
import { isModulePath, loadPlugin } from './plugins.ts';
import type { RunManifest } from './run-directory.ts';

/** How a run chooses parents: the arm's own way, or the experiment's. */
export interface ParentSelection {
  readonly select: (archive: readonly ArchiveEntry[], draws: Draws) => number;
  readonly annealing: Annealing | null;
}

/** @throws {PluginInvalidError} for a module that defines no selection policy, or a name that is none. */
export async function chooseParentSelection({ config, arm, experimentDir }: RunManifest): Promise<ParentSelection> {
  const own = arms[arm];
  const parents = own.parents ?? config.parents;
  const name = own.selection ?? (typeof config.selection === 'string' ? config.selection : config.selection.module);
  if (isModulePath(name)) {
    const { select } = await loadPlugin<SelectionDefinition>('selection', name, experimentDir);
    return { select: parentSelection(select, parents), annealing: null };
  }
  const isAnnealing = name === 'annealing';
  const policy = isAnnealing ? 'score-child-prop' : name;
  if (!Object.hasOwn(selectionPolicies, policy)) {
    const known = [...Object.keys(selectionPolicies), 'annealing'].join(', ');
    throw new PluginInvalidError(`selection: ${JSON.stringify(name)} is neither a policy (${known}) nor a path`);
  }
  const select = parentSelection(policy as keyof typeof selectionPolicies, parents);
  return { select, annealing: isAnnealing ? config.annealing : null };
}

/** Where a lineage's draws come from. A sequence of Python's goes on where its last generation left it. */
export function drawsOf(config: ExperimentConfig, seed: number, lineage: LineageId) {
  return (generation: number, drawn: number): Draws & { readonly drawn: number | null } => {
    if (config.rng === 'keyed') return { ...randomStream(seed, 'selection', lineage, generation), drawn: null };
    const isAlone = Object.keys(config.lineages).length === 1 && lineage in config.lineages;
    const python = pythonRandom(isAlone ? seed : `${seed}/${lineage}`, drawn);
    return {
      next: python.random,
      int: python.randbelow,
      get drawn() {
        return python.words;
      },
    };
  };
}
