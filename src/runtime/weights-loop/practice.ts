/** What kind of situation is practised in, and how long. */
export interface Practice {
  /**
   * `open`: a generated world after some random commands; `lived`: after some of the learner's own, chosen as it will
   * choose when it counts; `closed`: one in which nothing can be freed before a right is
   * taken back (`closedWorld`); `opened`: the same after one random command that takes rights back.
   */
  readonly world: 'open' | 'lived' | 'closed' | 'opened';
  /** Of one trajectory. */
  readonly commands: number;
  /** Commands drawn in a situation, by those of the recipe. */
  readonly effort: number;
  /** Who says a trajectory's first command. The base still says all kinds of them. */
  readonly firstBy: 'learner' | 'base';
}

export const atLarge: Practice = { world: 'open', commands: 1, effort: 1, firstBy: 'learner' };
/** Where its own way leads it: the worlds that it breaks look like these, and not like those that others left. */
export const inItsOwnLife: Practice = { ...atLarge, world: 'lived' };
export const wholeLives: Practice = { ...atLarge, commands: 3 };
export const openedBefore: Practice = { ...atLarge, world: 'opened' };
/** A right that is taken back pays one command later, so what is known to pay is drawn by who has learnt it. */
export const behindClosedDoors: Practice = { world: 'closed', commands: 2, effort: 4, firstBy: 'base' };

/** Trajectories from one situation. */
export function siblingsOf({ commands, effort }: Practice, recipe: { readonly siblings: number }): number {
  return Math.max(1, Math.round((effort * recipe.siblings) / commands));
}
