import type { Json } from '../../core/json.ts';
import type { Split } from '../../core/niche.ts';
import type { Evaluation, EvaluationItem } from '../../core/records.ts';

/** An item as measured elsewhere; how long it took is not known, which the format writes as 0. */
export function importedItem(situation: string, score: number, details: Json): EvaluationItem {
  return { situation, consequence: { status: 'measured', score, details }, wallMs: 0 };
}

/** An evaluation of which only the score is known: one item, the score itself. */
export function scoreAlone(split: Split, score: number, details: Json = {}): Evaluation {
  return { status: 'measured', split, score, n: 1, items: [importedItem('recorded score', score, details)] };
}

/** A failed evaluation. What failed is not known; the source says no more than `message`. */
export function failedEvaluation(split: Split, message: string): Evaluation {
  return { status: 'failed', split, reason: 'crash', message, items: [] };
}
