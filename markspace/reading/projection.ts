import type { Mark } from '../mark.ts';

/** What a mark says, as against what agents need to stay out of each other's way. */
const contents = ['content', 'score', 'result', 'reason', 'question', 'context', 'payload'] as const;

type Content = (typeof contents)[number];
/** A mark without its content: who, when, where, what about and how strong. */
export type Projected = Mark extends infer M ? (M extends Mark ? Omit<M, Content> : never) : never;

export function project(mark: Mark): Projected {
  const members = Object.entries(mark).filter(([key]) => !contents.includes(key as Content));
  return Object.freeze(Object.fromEntries(members)) as unknown as Projected;
}
