import type { RandomStream } from '../../core/random.ts';
import type { Change } from './edit.ts';

/** A top-level declaration, with the comment above it. Positions are offsets into the text. */
export interface Declaration {
  readonly name: string;
  readonly kind: 'function' | 'variable';
  readonly isExported: boolean;
  /** Whether the value is one literal. */
  readonly isConstant: boolean;
  /** The function, or the declared name's initial value; `null` for a declaration without one. */
  readonly value: { readonly start: number; readonly end: number } | null;
  readonly start: number;
  readonly end: number;
}

/** What every language tells of a program. */
export interface Outline {
  readonly text: string;
  readonly declarations: ReadonlyMap<string, Declaration>;
  /** Where the last import ends, or 0: values that are taken over go there. */
  readonly importsEnd: number;
  /** Where functions that are taken over go. */
  readonly functionsEnd: number;
}

export type Operator<P> = (own: P, random: RandomStream, peer: P | null) => Change | null;
export type Menu<P> = readonly (readonly [operator: Operator<P>, weight: number])[];

/** A language as the mutator knows it. */
export interface Grammar<P extends Outline> {
  /** Names of its files. */
  readonly files: RegExp;
  /** @returns `null` when the text is not a program of this language. */
  parse(text: string): P | null;
  /** Names that a program uses and does not declare: good for comparing two programs. */
  unresolvedNames(program: P): Set<string>;
  /** A static estimate of how much a program does: good for comparing two versions of one file. */
  estimateWork(program: P): number;
  /** Ceiling of a file's estimated work. */
  readonly maxWork: number;
  /** How much there is to vary: arithmetic and comparisons, less bit operations, which are generators and hashes. */
  computation(program: P): number;
  /** What stands between two functions. */
  readonly functionGap: string;
  readonly numeric: Menu<P>;
  readonly structural: Menu<P>;
}
