import { parseCommitId, parseGenomeId, parseLineageId, parseRunId } from '../../src/core/ids.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { Split } from '../../src/core/niche.ts';
import { type Evaluation, type Generation, noUsage } from '../../src/core/records.ts';
import { valid } from '../core/valid-messages.ts';

/** A genome id that differs by `n`. */
export const genomeId = (n: number) => parseGenomeId(String(n).padStart(64, '0'));
export const commitId = (n: number) => parseCommitId(String(n).padStart(40, '0'));
export const alice = parseLineageId('alice');
export const run = parseRunId('demo-paired-1');

export function measured(score: number, split: Split = 'selection'): Evaluation {
  const items = [{ situation: 's1', consequence: { status: 'measured' as const, score, details: null }, wallMs: 3 }];
  return { status: 'measured', split, score, n: 1, items };
}

export function unmeasured(message = 'too slow', split: Split = 'selection'): Evaluation {
  return { status: 'failed', split, reason: 'timeout', message, items: [] };
}

/** A measured, archived child of generation 0, but for what a test is about. */
export function generationOf(n: number, changes: Partial<Generation> = {}): Generation {
  return {
    lineage: alice,
    generation: n,
    round: n,
    parent: n === 0 ? null : 0,
    metaFrom: n === 0 ? null : 0,
    genome: genomeId(n),
    commit: commitId(n),
    verdict: n === 0 ? 'seed' : 'archived',
    checks: [{ name: 'measured', outcome: 'pass', reason: 'n 1' }],
    failure: null,
    train: measured(n, 'train'),
    selection: measured(n),
    adoption: null,
    reads: [],
    usage: noUsage,
    bytes: 10 * n,
    files: 2,
    changedFiles: n === 0 ? [] : ['task.mjs'],
    published: false,
    ...changes,
  };
}

/** A child that could not be edited. */
export function failedEdit(n: number, changes: Partial<Generation> = {}): Generation {
  return generationOf(n, {
    verdict: 'failed',
    failure: { stage: 'meta-agent', message: 'exit 1: boom' },
    train: null,
    selection: null,
    genome: genomeId(0),
    ...changes,
  });
}

export function lineageRequest(round: number): RequestOf<'lineage'> {
  return { ...valid.lineage.request, lineage: alice, round, snapshot: [] };
}
