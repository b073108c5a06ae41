import { type ArmName, armNames } from '../../../core/config/arms.ts';
import { parseLineageId, parseRunId } from '../../../core/ids.ts';
import type { ForeignGeneration, ForeignRun, ForeignTest } from '../foreign-run.ts';
import { createMissingList } from '../missing.ts';
import { tokenOf, tokensOf } from '../names.ts';
import { openSourceTree, type SourceTree } from '../source-tree.ts';
import { findEvaluation } from './evaluation.ts';
import { type LineageReader, openLineage } from './generations.ts';
import { type FoundAgent, type FoundRun, findRunsIn } from './layout.ts';

/** Every run of a results tree of the hyperspace project, by name; nothing is read of a run before its rounds are. */
export function readHyperspace(root: string): ForeignRun[] {
  const layout = openSourceTree(root, createMissingList());
  const found = findRunsIn(layout);
  const ids = tokensOf(found.map(({ pairing, seed }) => (seed === null ? pairing : `${pairing} seed${seed}`)));
  return found.map((run, i) => {
    // What is wrong on the way to the runs belongs to the first of them, so that it is told once.
    const missing = createMissingList();
    if (i === 0) for (const { path, what } of layout.missing.entries) missing.add(path, what);
    return describeRun(openSourceTree(root, missing), run, ids[i]!);
  });
}

function describeRun(tree: SourceTree, found: FoundRun, id: string): ForeignRun {
  const configs = found.agents.map((agent) => runConfig(tree, agent));
  const seed = found.seed ?? configs.map((c) => c.seed).find((s) => Number.isSafeInteger(s)) ?? null;
  if (seed === null) tree.missing.add(found.path, 'names no seed');
  const isMetaFrozen = configs[0]?.freeze_meta === true || found.pairing.endsWith('arm_b_freeze');
  const lineages = tokensOf(found.agents.map((a) => lineageName(found, a))).map((token) => parseLineageId(token));
  const readers: LineageReader[] = [];
  return {
    run: parseRunId(id),
    arm: armOf(found),
    seed: seed as number | null,
    source: 'hyperspace',
    pairing: found.pairing,
    family: found.family,
    taskFile: 'task_agent.py',
    settings: { selection: selectionOf(found), metaAgent: { from: isMetaFrozen ? 'generation-0' : 'parent' } },
    tells: ['lineages.*.model', 'selection', 'metaAgent.from'],
    lineages: lineages.map((lineage, i) => ({ id: lineage, model: modelOf(configs[i]!) })),
    missing: tree.missing,
    rounds: {
      *[Symbol.iterator]() {
        readers.push(...found.agents.map((a, i) => openLineage(tree, a, lineages[i]!, found.kind, isMetaFrozen)));
        yield* roundsOf(tree, found, readers);
      },
    },
    tests: () => found.agents.flatMap((agent, i) => testOf(tree, agent, lineages[i]!, readers[i]!)),
    notAvailable: () => ['usage', 'times', 'provenance', ...(readers.some((r) => r.hasTraces) ? [] : ['reads'])],
  };
}

/** One round for each number that any agent has. */
function* roundsOf(tree: SourceTree, { agents }: FoundRun, readers: readonly LineageReader[]) {
  for (const agent of agents) tellGaps(tree, agent);
  const numbers = [...new Set(agents.flatMap((a) => a.generations))].sort((a, b) => a - b);
  const has = agents.map((a) => new Set(a.generations));
  for (const number of numbers) {
    const round = readers.flatMap((reader, i): ForeignGeneration[] => {
      const generation = has[i]!.has(number) ? reader.read(number) : null;
      return generation === null ? [] : [generation];
    });
    if (round.length > 0) yield round;
  }
}

function tellGaps(tree: SourceTree, { path, generations }: FoundAgent): void {
  let expected = 0;
  for (const number of generations) {
    if (number > expected) {
      const gap = number === expected + 1 ? `gen_${expected}` : `gen_${expected} to gen_${number - 1}`;
      tree.missing.add(path === '' ? gap : `${path}/${gap}`, 'is not there: the numbering has a gap');
    }
    expected = number + 1;
  }
}

function runConfig(tree: SourceTree, { path }: FoundAgent): Readonly<Record<string, unknown>> {
  const at = path === '' ? 'run_config.json' : `${path}/run_config.json`;
  return tree.readJson(at) ?? {};
}

const modelOf = ({ model, meta_model: meta }: Readonly<Record<string, unknown>>): string | null =>
  [model, meta].find((name): name is string => typeof name === 'string' && name !== '') ?? null;

/** A replication run has one lineage without a name; it is called after its arm. */
const lineageName = ({ kind, pairing }: FoundRun, { name }: FoundAgent) =>
  kind === 'transfer' ? name : tokenOf(pairing.split('/').at(-1)!.replace(/^arm_/, ''));

const replicationArms: readonly (readonly [begins: string, arm: string, selection: string])[] = [
  ['arm_a', 'full', 'score-child-prop'],
  ['arm_b', 'frozen-meta', 'score-child-prop'],
  ['arm_c', 'random-parent', 'random'],
  ['arm_d', 'annealing', 'annealing'],
];
const replicationArm = ({ pairing }: FoundRun) =>
  replicationArms.find(([begins]) => pairing.split('/').at(-1)!.startsWith(begins));

function armOf(found: FoundRun): ArmName {
  if (found.agents.length > 1) return 'paired';
  const named = replicationArm(found)?.[1];
  return armNames.find((arm) => arm === named) ?? 'solo';
}

const selectionOf = (found: FoundRun) =>
  found.kind === 'transfer' ? 'latest' : (replicationArm(found)?.[2] ?? 'best');

/** The held-out test is of the generation with the best recorded score. */
function testOf(
  tree: SourceTree,
  agent: FoundAgent,
  lineage: ForeignTest['lineage'],
  reader: LineageReader,
): ForeignTest[] {
  if (reader.best === null || !tree.directories(agent.path).includes('test_eval')) return [];
  const prefix = agent.path === '' ? '' : `${agent.path}/`;
  const recorded = tree.readJson(`${prefix}test_eval/report.json`)?.overall_accuracy;
  const score = typeof recorded === 'number' && Number.isFinite(recorded) ? recorded : null;
  const { evaluation } = findEvaluation({
    ...{ tree, prefix, split: 'test', recorded: score, ranFull: true, leavesFiles: true },
  });
  return evaluation === null ? [] : [{ lineage, generation: reader.best.generation, evaluation }];
}
