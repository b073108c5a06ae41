import { parseAdapterId, parseCommitId, parseGenomeId, parseLineageId, parseRunId } from '../../src/core/ids.ts';
import type { RequestOf, ResultOf, RoleName } from '../../src/core/messages.ts';
import type { Evaluation, Generation, StrategyRef } from '../../src/core/records.ts';

const genome = parseGenomeId('ab'.repeat(32));
const commit = parseCommitId('cd'.repeat(20));
const usage = { calls: 1, toolCalls: 2, promptTokens: 30, completionTokens: 4, costUsd: null };
const peer: StrategyRef = { lineage: parseLineageId('b'), generation: 3, commit, genome, score: 2.5 };
const reads = [{ peer: parseLineageId('b'), generation: 3, commit, path: 'task.js', shareInModel: 1, shareInTree: 0 }];
const adoption = { from: peer, lines: 4, share: 0.5 };
const failure = { stage: 'collect', message: 'too many files' } as const;
const measured: Evaluation = {
  status: 'measured',
  split: 'selection',
  score: 1.5,
  n: 1,
  items: [
    { situation: 's1', consequence: { status: 'measured', score: 1.5, details: { radius: [0.25] } }, wallMs: 12 },
  ],
};
const job = { run: parseRunId('packing-paired-1'), seed: 1 };
const generation = { ...job, lineage: parseLineageId('a'), generation: 1 };
const judged: Generation = {
  lineage: parseLineageId('a'),
  generation: 1,
  round: 1,
  parent: 0,
  metaFrom: 0,
  genome,
  commit,
  verdict: 'promoted',
  checks: [{ name: 'better', outcome: 'pass', reason: '1.5 > 1' }],
  failure: null,
  train: null,
  selection: measured,
  adoption,
  reads,
  usage,
  bytes: 100,
  files: 2,
  changedFiles: ['task.js'],
  published: true,
  isPartial: true,
  tournament: { winner: 'directed', directed: 1.5, blind: null },
  drawn: 12,
  otherEvaluations: 3,
  gateMemory: { judged: 1 },
};
const weights = { id: parseAdapterId('ef'.repeat(32)), tree: genome };
const otherWeights = { ...weights, id: parseAdapterId('0f'.repeat(32)) };
const edit = { changedFiles: ['task.js'], bytes: 100, files: 2, reads, usage, wallMs: 50 };

/** One message of each kind with every field that must be there. */
export const valid: { readonly [R in RoleName]: { readonly request: RequestOf<R>; readonly result: ResultOf<R> } } = {
  lineage: {
    request: { ...job, lineage: parseLineageId('a'), round: 1, snapshot: [peer] },
    result: { generation: judged, stop: 'stagnation' },
  },
  'meta-agent': {
    request: {
      ...generation,
      model: 'mutator',
      parent: { generation: 0, genome },
      meta: { generation: 0, genome },
      snapshot: [peer],
      evals: { 'train.json': [{ score: 1 }] },
    },
    result: { ...edit, status: 'failed', genome: null, failure },
  },
  proposer: {
    request: { ...generation, split: 'train', count: 1 },
    result: { situations: [{ id: 's1', split: 'train', input: { n: 26 } }] },
  },
  solver: {
    request: { ...generation, genome, model: 'mutator', situation: { id: 's1', split: 'train', input: null } },
    result: { stoppedBy: 'exit', exitCode: 0, output: [1], problem: null, stderrTail: '', wallMs: 9, usage },
  },
  environment: {
    request: { ...generation, genome, model: 'mutator', split: 'selection', count: 1 },
    result: { evaluation: measured, usage },
  },
  gate: {
    request: {
      ...generation,
      policy: 'strict-improvement',
      candidate: {
        ...{
          selection: measured,
          isPartial: false,
          failure: null,
          genome,
          bytes: 100,
          files: 2,
          adoption,
          calls: 3,
          toolCalls: 2,
        },
        changedFiles: ['task.js'],
      },
      parent: { generation: 0, genome, selection: null, bytes: 90 },
      best: { generation: 0, selection: measured },
      retests: [{ places: [7], candidate: measured, best: null }],
      memory: { judged: 1 },
    },
    result: { verdict: 'refused', checks: judged.checks, retest: [8], memory: { judged: 2 } },
  },
  trainer: {
    request: { ...generation, kind: 'roll-back', to: weights, from: otherWeights, share: 0.5 },
    result: {
      status: 'in-service',
      adapter: { ...weights, id: parseAdapterId('9'.repeat(64)) },
      model: 'm',
      metrics: null,
    },
  },
  archivist: {
    request: {
      ...generation,
      kind: 'record',
      round: 1,
      model: 'mutator',
      genome,
      parentCommit: commit,
      metaFrom: 0,
      verdict: 'promoted',
      summary: 'sort by size first',
      adoption,
      reads,
      isBest: true,
    },
    result: { commit },
  },
};
