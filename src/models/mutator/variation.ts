import type { RandomStream } from '../../core/random.ts';
import { crossoverOf } from './crossover.ts';
import { applyEdits, type Change } from './edit.ts';
import type { Grammar, Menu, Operator, Outline } from './grammar.ts';

export type MutatorMix = 'numeric' | 'structural';

const mixes = {
  numeric: { numeric: 0.8, structural: 0, crossover: 0.2 },
  structural: { numeric: 0.35, structural: 0.5, crossover: 0.15 },
} as const satisfies Record<MutatorMix, object>;

/** How much likelier crossover is when the peer has measured better. */
const betterPeerFactor = 3;
const tries = 40;
/** How fast one change may approach the ceiling of a file's estimated work. */
const maxWorkGrowth = 2.1;

export interface Parents {
  readonly own: string;
  /** The same-named file of a peer, or `null`. */
  readonly peer: string | null;
  readonly isPeerBetter: boolean;
}

export interface Variation {
  readonly text: string;
  readonly change: Change;
}

/** A language, ready to be varied. */
export interface Language {
  readonly files: RegExp;
  /** How much there is to vary in a text; 0 when it is no program. */
  computation(text: string): number;
  /** @returns a changed text that parses, resolves its names and stays affordable, or `null` when none was found. */
  vary(mix: MutatorMix, parents: Parents, random: RandomStream): Variation | null;
}

export function createLanguage<P extends Outline>(grammar: Grammar<P>): Language {
  return {
    files: grammar.files,
    computation: (text) =>
      unlessTooDeep(0, () => {
        const program = grammar.parse(text);
        return program === null ? 0 : grammar.computation(program);
      }),
    vary: (mix, parents, random) => unlessTooDeep(null, () => vary(grammar, mix, parents, random)),
  };
}

/** Programs are walked by recursion: a text that nests, or calls, too deeply for that is left alone. */
function unlessTooDeep<T>(otherwise: T, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) return otherwise;
    throw error;
  }
}

function vary<P extends Outline>(
  grammar: Grammar<P>,
  mix: MutatorMix,
  parents: Parents,
  random: RandomStream,
): Variation | null {
  const own = grammar.parse(parents.own);
  if (own === null) return null;
  const peer = parents.peer === null ? null : grammar.parse(parents.peer);
  const menu = operatorMenu(grammar, mix, peer !== null && parents.peer !== parents.own, parents.isPeerBetter);
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const change = pickWeighted(menu, random)(own, random, peer);
    const text = change === null ? null : checkedResult(grammar, own, change);
    if (change !== null && text !== null) return { text, change };
  }
  return null;
}

/** Every operator of a language by itself, for tests. */
export function operatorsOf<P extends Outline>(grammar: Grammar<P>): Operator<P>[] {
  return [...grammar.numeric, ...grammar.structural, ...crossoverOf(grammar)].map(([operator]) => operator);
}

/** The text after the change, or `null` when the change is void, broken or too expensive. */
export function checkedResult<P extends Outline>(grammar: Grammar<P>, own: P, change: Change): string | null {
  const text = applyEdits(own.text, change.edits);
  const next = text === own.text ? null : grammar.parse(text);
  if (next === null) return null;
  const known = grammar.unresolvedNames(own);
  if ([...grammar.unresolvedNames(next)].some((name) => !known.has(name))) return null;
  const { maxWork } = grammar;
  const before = grammar.estimateWork(own);
  const after = grammar.estimateWork(next);
  const isAffordable = after <= before || (after <= maxWork && after <= before * maxWorkGrowth);
  return isAffordable || (change.operator.startsWith('adopt-') && after <= maxWork) ? text : null;
}

function operatorMenu<P extends Outline>(
  grammar: Grammar<P>,
  mix: MutatorMix,
  hasPeer: boolean,
  isPeerBetter: boolean,
): Menu<P> {
  const share = mixes[mix];
  const taken = hasPeer ? share.crossover * (isPeerBetter ? betterPeerFactor : 1) : 0;
  return [
    ...scale(grammar.numeric, share.numeric),
    ...scale(grammar.structural, share.structural),
    ...scale(crossoverOf(grammar), taken),
  ];
}

function scale<P>(menu: Menu<P>, share: number): Menu<P> {
  const sum = menu.reduce((total, [, weight]) => total + weight, 0);
  return menu.map(([operator, weight]) => [operator, (weight / sum) * share] as const);
}

function pickWeighted<P>(menu: Menu<P>, random: RandomStream): Operator<P> {
  let left = random.next() * menu.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [operator, weight] of menu) {
    left -= weight;
    if (left < 0) return operator;
  }
  return menu[0]![0];
}
