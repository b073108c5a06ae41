import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createBubblewrapProvider } from '../../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { wallClock } from '../../../src/core/clock.ts';
import { textOf } from '../../../src/core/file-tree.ts';
import type { Split } from '../../../src/core/niche.ts';
import { readRun, run } from '../../../src/index.ts';
import { createFileGenomeStore } from '../../../src/lineage/genome-store.ts';
import { dockerMissing } from '../../support/docker.ts';
import { factsOf, repository } from '../../support/example-run.ts';
import { itNeeds } from '../../support/require-service.ts';
import { csvOf, openGrading, rowsOf } from './table-fixture.ts';

vi.setConfig({ testTimeout: 300_000 });

/** Labels and names of items, by split: of every item, something that nobody could guess. */
const makeCanaries = () =>
  rowsOf({ correct: 12 }).map((row) => ({ ...row, id: `item-${randomUUID()}`, label: randomUUID() }));
type Canaries = ReturnType<typeof makeCanaries>;

const items = { train: 3, selection: 3, test: 3 };
const wordsFor = (rows: Canaries) => Object.fromEntries(rows.map(({ label }) => [label, 7]));

/** Where each split's first item stands. */
function firstRows(rows: Canaries): Record<Split, number> {
  const niche = openGrading({ text: csvOf(rows), params: { words: wordsFor(rows) }, most: items });
  const rowOf = (split: Split) => Number(niche.situations({ split, seed: 1, count: 1 })[0]!.id.split('-')[1]) - 1;
  return { train: rowOf('train'), selection: rowOf('selection'), test: rowOf('test') };
}

const isMain = `process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href`;
/** Both agents look for everything; the task agent at the test item that says so, the meta-agent while it edits. */
const seedOf = (needles: object) => ({
  'genome.json': JSON.stringify({ task: { command: ['node', 'task.mjs'] }, meta: { command: ['node', 'meta.mjs'] } }),
  'needles.json': JSON.stringify(needles),
  'search-everything.mjs': readFileSync(join(repository, 'tests/fixtures/programs/search-everything.mjs'), 'utf8'),
  'task.mjs': `import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { search } from './search-everything.mjs';
if (${isMain}) {
  const told = JSON.parse(readFileSync(0, 'utf8'));
  const { backwards, roots, sinceMs } = JSON.parse(readFileSync('needles.json', 'utf8'));
  console.log(JSON.stringify({ points: 0, told, ...(told.problem === 'search' ? { searched: search(backwards, roots, sinceMs) } : {}) }));
}
`,
  'meta.mjs': `import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { search } from './search-everything.mjs';
if (${isMain}) {
  const { backwards, roots, sinceMs } = JSON.parse(readFileSync('needles.json', 'utf8'));
  const told = readFileSync(0, 'utf8');
  writeFileSync('found.json', JSON.stringify({ ...search(backwards, roots, sinceMs), told }));
  console.log('{}');
}
`,
});

interface Search {
  /** "<what> in <where>". */
  readonly found: readonly string[];
  readonly names: number;
  readonly processes: number;
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gal-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A real run of one generation over a table with canaries; what its two agents found. */
async function searchedRun(
  sandbox: string,
  changes: { readonly settings?: string; readonly roots?: readonly string[] },
) {
  const rows = makeCanaries();
  const at = firstRows(rows);
  const table = rows.map((row, i) => (i === at.test ? { ...row, problem: 'search' } : row));
  const canaries = (['train', 'selection', 'test'] as const).flatMap((split) => [
    [`${split}-label`, rows[at[split]]!.label] as const,
    [`${split}-item`, rows[at[split]]!.id] as const,
  ]);
  const backwards = Object.fromEntries(canaries.map(([what, text]) => [what, [...text].reverse().join('')]));
  const needles = { backwards, roots: changes.roots ?? ['/'], sinceMs: wallClock.now() - 5_000 };
  mkdirSync(join(dir, 'seed'));
  for (const [name, text] of Object.entries(seedOf(needles))) writeFileSync(join(dir, 'seed', name), text);
  writeFileSync(join(dir, 'table.csv'), csvOf(table).replace('text of search', 'search'));
  const file = join(dir, 'experiment.yaml');
  writeFileSync(
    file,
    `name: guarded
niche: { module: grading, params: { table: table.csv, words: ${JSON.stringify(wordsFor(rows))} } }
lineages: { a: { model: "mutator:numeric" } }
arms: [solo]
seeds: [1]
budget: { generations: 1 }
items: ${JSON.stringify(items)}
task: { wallMs: 120000, maxCalls: 0 }
metaAgent: { wallMs: 120000 }
sandbox: { provider: ${sandbox}, allowUnsafe: true, warm: 0 }
${changes.settings ?? ''}
`,
  );
  const outcome = await run(file, { out: join(dir, 'out'), logLevel: 'silent' });
  const record = await readRun(outcome.runs[0]!.dir);
  const child = record.lineages[0]!.generations.find(({ generation }) => generation === 1)!;
  expect([record.status, child.failure]).toEqual(['done', null]);
  const tree = await createFileGenomeStore(join(record.dir, 'genomes')).get(child.genome);
  const solved = factsOf(record.dir).flatMap(({ type, body }) =>
    type === 'solver.finished' ? [(body as { output: { told: object; searched?: Search } }).output] : [],
  );
  const meta = JSON.parse(textOf(tree.get('found.json')!.bytes)!) as Search & { readonly told: string };
  // What an agent is told on standard input is in no file.
  const told = JSON.stringify([meta.told, ...solved.map((output) => output.told)]);
  expect(told).toContain('text of P0');
  expect(rows.filter(({ id, label }) => told.includes(label) || told.includes(`"${id}"`))).toEqual([]);
  return { meta, solver: solved.flatMap(({ searched }) => searched ?? []) };
}

const providers = [
  [
    'bubblewrap',
    await createBubblewrapProvider()
      .probe()
      .then(({ usable, why }) => (usable ? null : why)),
  ],
  ['docker', await dockerMissing()],
] as const;

const shown = (split: Split) => ['item', 'label'].map((what) => `${split}-${what} in /workspace/evals/${split}.json`);

describe.each(providers)('in a sandbox of %s', (provider, missing) => {
  itNeeds(provider, missing)(
    'no label and no name of a selection or test item is anywhere; those of train are where the meta-agent may see them',
    async () => {
      const { meta, solver } = await searchedRun(provider, {});
      expect(meta.found).toEqual(shown('train'));
      expect(solver.map(({ found }) => found)).toEqual([[]]);
      for (const { names, processes } of [meta, ...solver])
        expect([names > 1_000, processes > 0]).toEqual([true, true]);
    },
  );

  itNeeds(provider, missing)(
    'labels of selection are there once the experiment opens them, those of test never',
    async () => {
      const { meta, solver } = await searchedRun(provider, { settings: 'visibility: { selection: true }' });
      expect(meta.found).toEqual([...shown('selection'), ...shown('train')]);
      expect(solver.map(({ found }) => found)).toEqual([[]]);
    },
  );
});

describe('without isolation', () => {
  it('the same search finds every label and name that was planted', async () => {
    const { meta } = await searchedRun('process', { roots: [dir] });
    expect([...new Set(meta.found.map((line) => line.split(' ')[0]))].sort()).toEqual(
      ['selection-item', 'selection-label', 'test-item', 'test-label', 'train-item', 'train-label'].sort(),
    );
  });
});
