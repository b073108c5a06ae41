import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { itWith, type TestFunction } from './require-service.ts';

/** A question to `statistics_oracle.py`; `ask` names the method, the rest is its own. */
export type StatisticsCase = { readonly ask: string } & Readonly<Record<string, unknown>>;

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/python/${name}`, import.meta.url));
const python = process.env.GALAPAGOS_SCIPY_PYTHON ?? 'python3';
const look = 'import scipy, statsmodels';

function whyMissing(): string | null {
  const { status } = spawnSync(python, ['-c', look], { timeout: 60_000 });
  return status === 0 ? null : `${python} has no scipy and statsmodels; name one that has in GALAPAGOS_SCIPY_PYTHON`;
}

/** What SciPy answers to fixed cases is committed, and tested without it. */
export const itWithScipy: TestFunction = itWith('Python with scipy and statsmodels', whyMissing());

/** What this machine's SciPy and statsmodels answer. */
export function askScipy(cases: readonly StatisticsCase[]): unknown[] {
  const { status, stdout, stderr } = spawnSync(python, [fixture('statistics_oracle.py')], {
    input: JSON.stringify(cases),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${python} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as unknown[];
}

/** What SciPy 1.17 and statsmodels 0.15 answered; the file says by which command. */
export function scipyVectors(): (StatisticsCase & { readonly answer: unknown })[] {
  return JSON.parse(readFileSync(fixture('statistics-vectors.json'), 'utf8')).cases;
}
