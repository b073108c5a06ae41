import type { Fact, Generation, LineageRecord, ProgressEvent, RunRecord } from '../../src/index.ts';

type Known = Partial<Omit<Generation, 'lineage' | 'commit' | 'genome'>> & { readonly score?: number | null };

/** A generation as the journal keeps it, with what a test is about in `known`. */
export function generation(lineage: string, number: number, known: Known = {}): Generation {
  const { score = null, ...rest } = known;
  const measured = (split: 'train' | 'selection') =>
    score === null ? null : ({ status: 'measured', split, score, n: 1, items: [] } as const);
  return {
    lineage,
    generation: number,
    round: number,
    parent: number === 0 ? null : number - 1,
    metaFrom: number === 0 ? null : number - 1,
    genome: '0'.repeat(64),
    commit: String(number).padStart(40, '0'),
    verdict: number === 0 ? 'seed' : 'promoted',
    checks: [],
    failure: null,
    train: measured('train'),
    selection: measured('selection'),
    adoption: null,
    reads: [],
    usage: { calls: 1, toolCalls: 1, promptTokens: 1_000, completionTokens: 200, costUsd: 0.5 },
    bytes: 10,
    files: 1,
    changedFiles: number === 0 ? [] : ['pack.mjs'],
    published: false,
    ...rest,
  } as Generation;
}

export function adoptionFrom(lineage: string, number: number): Generation['adoption'] {
  return {
    from: { lineage, generation: number, commit: '0'.repeat(40), genome: '0'.repeat(64), score: 1 },
    lines: 12,
    share: 0.6,
  } as Generation['adoption'];
}

export function record(generations: readonly Generation[], known: Partial<RunRecord> = {}): RunRecord {
  const ids = [...new Set(generations.map((g) => g.lineage as string))];
  return {
    run: 'packing-paired-1',
    dir: '/nowhere/packing-paired-1',
    experiment: 'packing',
    arm: 'paired',
    seed: 1,
    status: 'done',
    reason: null,
    startedAtMs: 0,
    wallMs: 1_000,
    lineages: ids.map(
      (id): LineageRecord => ({
        id,
        model: 'mutator:numeric',
        generations: generations.filter((g) => g.lineage === id),
        test: null,
        spent: { calls: 0, toolCalls: 0, promptTokens: 0, completionTokens: 0, costUsd: 0 },
        evaluations: 0,
      }),
    ),
    ...known,
  };
}

export const started = (run: string, rounds = 10): ProgressEvent => ({
  type: 'run.started',
  run,
  arm: 'paired',
  seed: 1,
  lineages: ['a', 'b'],
  rounds,
});

export function factOf(run: string, type: string, key: string, body: unknown, isReplay = false): ProgressEvent {
  const fact: Fact = { seq: 0, at: 0, type, key, body };
  return { type: 'fact', run, fact, isReplay };
}

export function finished(run: string, g: Generation, isReplay = false): ProgressEvent {
  return factOf(run, 'lineage.finished', `${g.lineage}/${g.round}`, { generation: g, stop: null }, isReplay);
}
