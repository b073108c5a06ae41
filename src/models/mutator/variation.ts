import type { RandomStream } from '../../core/random.ts';
import { adoptConstant, adoptFunction, adoptFunctions } from './crossover.ts';
import { applyEdits, type Change } from './edit.ts';
import {
  combineExpressions,
  negateCondition,
  replaceExpression,
  replaceMathFunction,
  swapOperator,
  wrapCondition,
} from './expressions.ts';
import { unresolvedNames } from './names.ts';
import { perturbNumber, scalePair } from './numeric.ts';
import { type Program, parseProgram } from './source.ts';
import { deleteStatement, duplicateStatement, moveStatement } from './statements.ts';
import { estimateWork } from './work.ts';

export type MutatorMix = 'numeric' | 'structural';

type Operator = (own: Program, random: RandomStream, peer: Program | null) => Change | null;
type Weighted = readonly (readonly [operator: Operator, weight: number])[];

const numeric: Weighted = [
  [perturbNumber, 4],
  [scalePair, 1],
];
const structural: Weighted = [
  [combineExpressions, 4],
  [replaceExpression, 2],
  [swapOperator, 1.5],
  [duplicateStatement, 3],
  [deleteStatement, 1],
  [wrapCondition, 1],
  [replaceMathFunction, 1],
  [negateCondition, 0.5],
  [moveStatement, 0.5],
];
const crossover: Weighted = [
  [(own, random, peer) => peer && adoptFunction(own, peer, random), 3],
  [(own, random, peer) => peer && adoptConstant(own, peer, random), 2],
  [(own, _random, peer) => peer && adoptFunctions(own, peer), 1],
];

/** Every operator by itself, for tests. */
export const operators: readonly Operator[] = [...numeric, ...structural, ...crossover].map(([operator]) => operator);

const mixes = {
  numeric: { numeric: 0.8, structural: 0, crossover: 0.2 },
  structural: { numeric: 0.35, structural: 0.5, crossover: 0.15 },
} as const satisfies Record<MutatorMix, object>;

/** How much likelier crossover is when the peer has measured better. */
const betterPeerFactor = 3;
const tries = 40;
/** Ceiling of a file's estimated work (see work.ts), and how fast one change may approach it. */
export const maxWork = 1_200_000_000;
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

/** @returns a changed text that parses, resolves its names and stays affordable, or `null` when none was found. */
export function vary(mix: MutatorMix, parents: Parents, random: RandomStream): Variation | null {
  const own = parseProgram(parents.own);
  if (own === null) return null;
  const peer = parents.peer === null ? null : parseProgram(parents.peer);
  const menu = operatorMenu(mix, peer !== null && parents.peer !== parents.own, parents.isPeerBetter);
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const change = pickWeighted(menu, random)(own, random, peer);
    const text = change === null ? null : checkedResult(own, change);
    if (change !== null && text !== null) return { text, change };
  }
  return null;
}

/** The text after the change, or `null` when the change is void, broken or too expensive. */
export function checkedResult(own: Program, change: Change): string | null {
  const text = applyEdits(own.text, change.edits);
  const next = text === own.text ? null : parseProgram(text);
  if (next === null) return null;
  const known = unresolvedNames(own);
  if ([...unresolvedNames(next)].some((name) => !known.has(name))) return null;
  const before = estimateWork(own);
  const after = estimateWork(next);
  const isAffordable = after <= before || (after <= maxWork && after <= before * maxWorkGrowth);
  return isAffordable || (change.operator.startsWith('adopt-') && after <= maxWork) ? text : null;
}

function operatorMenu(mix: MutatorMix, hasPeer: boolean, isPeerBetter: boolean): Weighted {
  const share = mixes[mix];
  const taken = hasPeer ? share.crossover * (isPeerBetter ? betterPeerFactor : 1) : 0;
  return [...scale(numeric, share.numeric), ...scale(structural, share.structural), ...scale(crossover, taken)];
}

function scale(menu: Weighted, share: number): Weighted {
  const sum = menu.reduce((total, [, weight]) => total + weight, 0);
  return menu.map(([operator, weight]) => [operator, (weight / sum) * share] as const);
}

function pickWeighted(menu: Weighted, random: RandomStream): Operator {
  let left = random.next() * menu.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [operator, weight] of menu) {
    left -= weight;
    if (left < 0) return operator;
  }
  return menu[0]![0];
}
