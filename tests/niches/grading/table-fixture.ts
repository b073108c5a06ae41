import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Split } from '../../../src/core/niche.ts';
import { grading, gradingParamsSchema } from '../../../src/niches/grading/niche.ts';

export const header = 'Grading ID,Problem ID,Problem,Solution,Grading guidelines,Response,Points,Reward';

/** A file in a directory of its own, which goes with the test. */
export function fileWith(text: string | Uint8Array, name = 'table.csv'): string {
  const dir = mkdtempSync(join(tmpdir(), 'gal-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, name), text);
  return join(dir, name);
}

export interface FixtureRow {
  readonly id: string;
  readonly problem: string;
  readonly label: string;
}

/** So many rows of each label, the labels one after another; problems take turns. */
export function rowsOf(counts: Readonly<Record<string, number>>, problems = 1): FixtureRow[] {
  const labels = Object.entries(counts).flatMap(([label, n]) => Array.from({ length: n }, () => label));
  return labels.map((label, i) => ({ id: `G${i}`, problem: `P${i % problems}`, label }));
}

export function csvOf(rows: readonly FixtureRow[]): string {
  const lines = rows.map(
    ({ id, problem, label }) => `${id},${problem},text of ${problem},ref,guide,answer ${id},7,${label}`,
  );
  return `${[header, ...lines].join('\n')}\n`;
}

export interface Opening {
  readonly text: string;
  readonly params?: object;
  readonly most?: Partial<Record<Split, number>>;
  readonly seeds?: readonly number[];
}

/** The niche over a table that was written for it. */
export function openGrading({ text, params = {}, most = {}, seeds = [1] }: Opening) {
  const table = fileWith(text);
  const sizes = { train: 1, selection: 1, test: 1, ...most };
  return grading.create(gradingParamsSchema.parse({ table, ...params }), { experimentDir: '/', seeds, most: sizes });
}
