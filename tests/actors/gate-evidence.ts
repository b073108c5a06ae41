import { type GateConfig, gateSchema } from '../../src/core/config/gate-schema.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { Evaluation } from '../../src/core/records.ts';
import { valid } from '../core/valid-messages.ts';

export type Evidence = RequestOf<'gate'>;
type Settings = Parameters<typeof gateSchema.parse>[0];

/** What an experiment file with this `gate` section says; without one, what every file says. */
export const gateSettings = (settings: Settings = {}): GateConfig => gateSchema.parse(settings);

/** One score per place of the selection split; `null` for an item that failed, which leaves no score of all. */
export function scored(
  scores: readonly (number | null)[],
  from = 0,
  capability?: (place: number) => string,
): Evaluation {
  const items = scores.map((score, i) => ({
    situation: `s${from + i}`,
    wallMs: 1,
    consequence:
      score === null
        ? { status: 'failed' as const, reason: 'crash' as const, message: 'boom' }
        : { status: 'measured' as const, score, details: capability ? { capability: capability(from + i) } : null },
  }));
  if (scores.includes(null)) {
    return { status: 'failed', split: 'selection', reason: 'crash', message: 'boom', items };
  }
  const mean = scores.reduce<number>((sum, score) => sum + score!, 0) / scores.length;
  return { status: 'measured', split: 'selection', score: mean, n: scores.length, items };
}

/** `n` items of which the first `right` are right. */
export const right = (count: number, n: number) => Array.from({ length: n }, (_, i) => Number(i < count));

export interface Compared {
  readonly candidate: Evaluation;
  readonly best?: Evaluation | null;
  readonly retests?: Evidence['retests'];
  readonly memory?: Evidence['memory'];
  readonly generation?: number;
  readonly changes?: Partial<Evidence['candidate']>;
}

/** Evidence on a valid candidate that changed code, against the best so far. */
export function evidenceOf({ candidate, best = null, retests = [], memory = null, ...more }: Compared): Evidence {
  return {
    ...valid.gate.request,
    generation: more.generation ?? 5,
    candidate: { ...valid.gate.request.candidate, adoption: null, selection: candidate, ...more.changes },
    best: best === null ? null : { generation: 4, selection: best },
    retests,
    memory,
  };
}
