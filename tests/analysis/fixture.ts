import type { RunRecord } from '../../src/analysis/run-record.ts';
import type { ArmName } from '../../src/core/config/arms.ts';
import { parseCommitId, parseGenomeId, parseLineageId } from '../../src/core/ids.ts';
import { randomStream } from '../../src/core/random.ts';
import type { Evaluation, Generation, Read, Rollback, StrategyRef, Usage, Verdict } from '../../src/core/records.ts';
import { noUsage } from '../../src/core/records.ts';

const commit = parseCommitId('c'.repeat(40));
const genome = parseGenomeId('e'.repeat(64));

export interface LineageSketch {
  /** Selection scores, generation 0 first; `null` for a failed generation. */
  readonly scores: readonly (number | null)[];
  readonly model?: string;
  readonly taskModel?: string;
  readonly test?: number | 'failed' | null;
  /** Generation → the peer it adopted from. */
  readonly adoptions?: Readonly<Record<number, string>>;
  readonly reads?: Readonly<Record<number, readonly Read[]>>;
  /** Generation → the parent that was chosen before the lineage went back to its best, and how many were low. */
  readonly rollbacks?: Readonly<Record<number, Rollback>>;
  readonly evaluations?: number;
  readonly spent?: Partial<Usage>;
}

export interface RunSketch {
  readonly arm: ArmName;
  readonly seed: number;
  readonly lineages: Readonly<Record<string, LineageSketch>>;
  readonly status?: RunRecord['status'];
  readonly reason?: string | null;
  readonly startedAtMs?: number;
  readonly run?: string;
}

export function runOf(sketch: RunSketch): RunRecord {
  const run = sketch.run ?? `demo-${sketch.arm}-${sketch.seed}`;
  return {
    run,
    dir: `results/runs/${run}`,
    experiment: 'demo',
    arm: sketch.arm,
    seed: sketch.seed,
    status: sketch.status ?? 'done',
    reason: sketch.reason ?? null,
    startedAtMs: sketch.startedAtMs ?? 0,
    wallMs: 61_000,
    lineages: Object.entries(sketch.lineages).map(([id, lineage]) => ({
      id,
      model: lineage.model ?? `model-${id}`,
      ...(lineage.taskModel === undefined ? {} : { taskModel: lineage.taskModel }),
      generations: generationsOf(id, lineage),
      test: testOf(lineage.test === undefined ? 0.5 : lineage.test),
      spent: { ...noUsage, calls: 40, promptTokens: 9_000, completionTokens: 1_000, costUsd: 0.5, ...lineage.spent },
      evaluations: lineage.evaluations ?? lineage.scores.length,
    })),
  };
}

function generationsOf(id: string, lineage: LineageSketch): Generation[] {
  let best = Number.NEGATIVE_INFINITY;
  return lineage.scores.map((score, generation) => {
    const verdict = verdictOf(generation, score, best);
    const before = best;
    best = Math.max(best, score ?? best);
    const peer = lineage.adoptions?.[generation];
    return {
      lineage: parseLineageId(id),
      generation,
      round: generation,
      parent: generation === 0 ? null : generation - 1,
      metaFrom: generation === 0 ? null : generation - 1,
      genome,
      commit,
      verdict,
      checks: [],
      failure: score === null ? { stage: 'import-check', message: 'it does not import' } : null,
      train: null,
      selection: score === null ? null : measured('selection', score),
      adoption: peer === undefined ? null : { from: strategy(peer, generation), lines: 6, share: 0.5 },
      reads: [...(lineage.reads?.[generation] ?? [])],
      usage: noUsage,
      bytes: 1_000,
      files: 3,
      changedFiles: generation === 0 ? [] : ['solve.mjs'],
      published: verdict === 'promoted',
      ...(lineage.rollbacks?.[generation] === undefined
        ? {}
        : { rollback: lineage.rollbacks[generation], parent: lineage.scores.indexOf(before) }),
    };
  });
}

function verdictOf(generation: number, score: number | null, best: number): Verdict {
  if (generation === 0) return 'seed';
  if (score === null) return 'failed';
  return score > best ? 'promoted' : 'refused';
}

function strategy(peer: string, generation: number): StrategyRef {
  return { lineage: parseLineageId(peer), generation: generation - 1, commit, genome, score: 0.4 };
}

function testOf(test: number | 'failed' | null): Evaluation | null {
  if (test === null) return null;
  if (test === 'failed') return { status: 'failed', split: 'test', reason: 'timeout', message: 'too slow', items: [] };
  return measured('test', test);
}

function measured(split: 'selection' | 'test', score: number): Evaluation {
  return { status: 'measured', split, score, n: 1, items: [] };
}

export function readOf(peer: string, shareInModel: number, shareInTree = 0): Read {
  return { peer: parseLineageId(peer), generation: 1, commit, path: 'solve.mjs', shareInModel, shareInTree };
}

/** Saturating random walks with failures: an experiment as a user would have it. */
export function demoRecords(options: {
  readonly arms: readonly ArmName[];
  readonly seeds: readonly number[];
  readonly generations: number;
  readonly lineages: readonly string[];
}): RunRecord[] {
  const lift: Record<ArmName, number> = {
    ...{ paired: 0.34, solo: 0.24, sham: 0.25, self: 0.28, shuffled: 0.26, iid: 0.12, sequential: 0.18 },
    ...{ full: 0.24, 'frozen-meta': 0.2, 'random-parent': 0.19, annealing: 0.25 },
  };
  return options.arms.flatMap((arm) =>
    options.seeds.map((seed) => {
      const sketch = (id: string, index: number): LineageSketch => {
        const random = randomStream(seed, 'demo', arm, id);
        const scores = Array.from({ length: options.generations + 1 }, (_, g) => {
          if (g > 0 && random.next() < 0.1) return null;
          const reach = 0.22 + lift[arm] * (1 - 0.4 * index) * (1 - Math.exp(-g / 7));
          return g === 0 ? 0.21 + 0.01 * index : Math.max(0, reach + 0.05 * random.normal());
        });
        const isPaired = arm === 'paired';
        return {
          scores,
          test: 0.3 + lift[arm] / 2,
          ...(isPaired ? { adoptions: { 4: id === 'a' ? 'b' : 'a' }, reads: { 4: [readOf('b', 0.4, 0.3)] } } : {}),
          spent: { promptTokens: isPaired ? 9_600 : 9_000 },
        };
      };
      return runOf({
        arm,
        seed,
        lineages: Object.fromEntries(options.lineages.map((id, i) => [id, sketch(id, i)])),
      });
    }),
  );
}
