import type { Evaluation, Generation } from '../core/records.ts';
import type { RunRecord } from './run-record.ts';

/**
 * A record with no more than reports look at: what candidates printed, single
 * items of selection and training scores, and checks go, so that many long
 * runs fit in memory. Items stay where agents are compared by them, in the
 * held-out test, and their names in generation 0.
 */
export function reportRecord(record: RunRecord): RunRecord {
  return {
    ...record,
    lineages: record.lineages.map((lineage) => ({ ...lineage, generations: lineage.generations.map(slim) })),
  };
}

function slim(g: Generation): Generation {
  return {
    ...g,
    train: null,
    selection: g.selection === null ? null : withoutItems(g.selection, g.generation === 0),
    checks: [],
    changedFiles: [],
    reads: g.reads.map((read) => ({ ...read, commit: g.commit, path: '' })),
    failure: g.failure === null ? null : { stage: g.failure.stage, message: '' },
    gateMemory: null,
  };
}

function withoutItems(evaluation: Evaluation, keepsNames: boolean): Evaluation {
  const items = keepsNames
    ? evaluation.items.map(({ situation, wallMs }) => ({ situation, wallMs, consequence: unread }))
    : [];
  return evaluation.status === 'measured' ? { ...evaluation, items } : { ...evaluation, message: '', items };
}

const unread = { status: 'measured', score: 0, details: null } as const;
