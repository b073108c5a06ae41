import { IdInvalidError } from './errors.ts';

/**
 * One id is one NATS token and one path segment: `[a-z0-9-]`, 1 to 63
 * characters, starting with a letter or a digit. Whoever holds a branded id
 * knows it was checked.
 */
declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type RunId = Branded<'run'>;
export type LineageId = Branded<'lineage'>;
export type MarkId = Branded<'mark'>;
/** SHA-256 of a genome's manifest, in hexadecimal. */
export type GenomeId = Branded<'genome'>;
/** SHA-256 of an adapter's configuration and weights, in hexadecimal. */
export type AdapterId = Branded<'adapter'>;
/** Git object name of a generation's commit, in hexadecimal. */
export type CommitId = Branded<'commit'>;

const token = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function isToken(text: string): boolean {
  return token.test(text);
}

function parseToken(kind: string, text: string): string {
  if (!isToken(text)) {
    throw new IdInvalidError(`${JSON.stringify(text)} is not a ${kind} id: use 1 to 63 of a-z, 0-9 and "-"`);
  }
  return text;
}

function parseHex(kind: string, text: string, lengths: readonly number[]): string {
  if (!/^[0-9a-f]+$/.test(text) || !lengths.includes(text.length)) {
    throw new IdInvalidError(
      `${JSON.stringify(text)} is not a ${kind} id: expected ${lengths.join(' or ')} hex digits`,
    );
  }
  return text;
}

export const parseRunId = (text: string) => parseToken('run', text) as RunId;
export const parseLineageId = (text: string) => parseToken('lineage', text) as LineageId;
export const parseMarkId = (text: string) => parseToken('mark', text) as MarkId;
export const parseGenomeId = (text: string) => parseHex('genome', text, [64]) as GenomeId;
export const parseAdapterId = (text: string) => parseHex('adapter', text, [64]) as AdapterId;
export const parseCommitId = (text: string) => parseHex('commit', text, [40, 64]) as CommitId;
