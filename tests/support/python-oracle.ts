import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type Call = readonly [name: string, ...args: unknown[]];
export type OracleCase =
  /** `seed` is text, because JSON numbers do not hold every integer. */
  | { readonly ask: 'draws'; readonly kind: 'int' | 'str'; readonly seed: string; readonly calls: readonly Call[] }
  | { readonly ask: 'ratio'; readonly a: string; readonly b: string };

const fixture = (name: string) => new URL(`../fixtures/python/${name}`, import.meta.url);

/** Why there is no Python to compare with, or `null` when there is one. */
export const pythonMissing = spawnSync('python3', ['--version']).status === 0 ? null : 'it is not installed';

/** What this machine's Python answers. */
export function askPython(cases: readonly OracleCase[]): unknown[] {
  const { status, stdout, stderr } = spawnSync('python3', [fileURLToPath(fixture('oracle.py'))], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`python3 ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as unknown[];
}

/** What Python 3.11 answered, for machines that have none. */
export function pythonVectors(ask: OracleCase['ask']): { readonly question: OracleCase; readonly answer: unknown }[] {
  const vectors = JSON.parse(readFileSync(fixture('vectors.json'), 'utf8')) as (OracleCase & { answer: unknown })[];
  return vectors.filter((v) => v.ask === ask).map(({ answer, ...question }) => ({ question, answer }));
}
