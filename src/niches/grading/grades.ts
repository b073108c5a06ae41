import type { Json } from '../../core/json.ts';

/** The points that a human grader gives: nothing, a start, all but a slip, all. Seven is the most. */
export const grades = [0, 1, 6, 7] as const;
export type Grade = (typeof grades)[number];

const most = 7;

/** The words that stand for points in published tables. */
export const wordsOfGrades: Readonly<Record<string, Grade>> = { incorrect: 0, partial: 1, almost: 6, correct: 7 };

/** A grade as points (`6`, `"6"`, `"6.0"`) or as one of the words (in lower case), whatever its case; else `null`. */
export function gradeOf(given: Json | undefined, words: Readonly<Record<string, Grade>>): Grade | null {
  if (typeof given === 'number') return grades.find((grade) => grade === given) ?? null;
  if (typeof given !== 'string') return null;
  const text = given.trim().toLowerCase();
  if (Object.hasOwn(words, text)) return words[text]!;
  return /^\d+(\.0*)?$/.test(text) ? gradeOf(Number(text), words) : null;
}

/** How one answer compares with the label. */
export interface Comparison {
  /** 1 when it is the label, else 0. */
  readonly accuracy: 0 | 1;
  /** |points − label| / 7, from 0 to 1; an answer that is no grade is as wrong as can be. */
  readonly absoluteError: number;
}

/**
 * The two measures that are published for IMO-GradingBench: accuracy is the mean of `accuracy` over the items,
 * normalized mean absolute error that of `absoluteError`. An answer that is no grade counts in both, as wrong and as an
 * error of 7 points.
 *
 * @see facebookresearch/HyperAgents, `domains/report.py`, domain `imo_grading`
 */
export function compare(answered: Grade | null, label: Grade): Comparison {
  if (answered === null) return { accuracy: 0, absoluteError: 1 };
  return { accuracy: answered === label ? 1 : 0, absoluteError: Math.abs(answered - label) / most };
}
