import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, vi } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { wallClock } from '../../src/core/clock.ts';
import { textOf } from '../../src/core/file-tree.ts';
import { createFileGenomeStore } from '../../src/lineage/genome-store.ts';
import { dockerMissing } from '../support/docker.ts';
import { repository } from '../support/example-run.ts';
import { itNeeds } from '../support/require-service.ts';
import { sharedRun } from './shared-run.ts';

vi.setConfig({ testTimeout: 300_000 });

interface Search {
  /** "<what> in <where>". */
  readonly found: readonly string[];
  readonly names: number;
  readonly read: number;
  readonly processes: number;
}

/** Few enough for a number to be written as it was read; the last is none that would be dropped. */
const digits = () => String(randomInt(1e11, 9e11)) + String(randomInt(1, 10));
const makeCanaries = () => ({
  'selection-label': `label-${randomUUID()}`,
  'test-label': `label-${randomUUID()}`,
  'selection-score-a': digits(),
  'selection-score-b': digits(),
  'test-score': digits(),
  'train-score': digits(),
  'run-file': `file-${randomUUID()}`,
  environment: `env-${randomUUID()}`,
});
type Canaries = ReturnType<typeof makeCanaries>;

/** Labels and scores lie in the niche, in the runtime's memory, its files, and what it writes into the run's directory. */
const nicheOf = (c: Canaries) => `const labels = { selection: '${c['selection-label']}', test: '${c['test-label']}' };
const scores = {
  train: () => 0.${c['train-score']},
  selection: (x) => (x === 0 ? 0.${c['selection-score-a']} : Number(x + '.${c['selection-score-b']}')),
  test: () => 0.${c['test-score']},
};
export default {
  kind: 'niche',
  name: 'guarded',
  create: () => ({
    name: 'guarded',
    version: '1',
    situations: ({ split, count }) =>
      Array.from({ length: count }, (_, i) => ({ id: split + '-' + i, split, input: { looks: split === 'test' } })),
    measure: ({ split }, { output }) => ({
      status: 'measured',
      score: scores[split](output.x),
      details: { searched: output.searched ?? null, ...(split === 'train' ? {} : { label: labels[split] }) },
    }),
  }),
};
`;

const isMain = `process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href`;
/** Both agents look for everything; the solver at the very end, on the test item; the other lineage improves, and is published. */
const seedOf = (needles: object) => ({
  'needles.json': JSON.stringify(needles),
  'search-everything.mjs': readFileSync(join(repository, 'tests/fixtures/programs/search-everything.mjs'), 'utf8'),
  'task.mjs': `import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { search } from './search-everything.mjs';
if (${isMain}) {
  const { looks } = JSON.parse(readFileSync(0, 'utf8'));
  const { x } = JSON.parse(readFileSync('position.json', 'utf8'));
  const { backwards, roots, sinceMs } = JSON.parse(readFileSync('needles.json', 'utf8'));
  console.log(JSON.stringify({ x, ...(looks ? { searched: search(backwards, roots, sinceMs) } : {}) }));
}
`,
  'meta.mjs': `import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { search } from './search-everything.mjs';
if (${isMain}) {
  const { backwards, roots, sinceMs } = JSON.parse(readFileSync('needles.json', 'utf8'));
  const { lineage, generation } = JSON.parse(readFileSync(0, 'utf8'));
  writeFileSync('found.json', JSON.stringify(lineage === 'a' && generation === 2 ? search(backwards, roots, sinceMs) : generation));
  if (lineage === 'b') writeFileSync('position.json', JSON.stringify({ x: generation + 1 }));
  console.log('{}');
}
`,
});

let dir: string;
/** A process of the host; the runtime's own environment cannot be read back as it was changed. */
let neighbour: ChildProcess | null = null;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gal-test-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
  delete process.env.GALAPAGOS_CANARY;
  neighbour?.kill('SIGKILL');
});

/** A real run of two lineages; what the two agents of the first one found. */
async function searchedRun(
  sandbox: string,
  changes: { readonly settings?: string; readonly roots?: (neighbour: number) => readonly string[] },
) {
  const canaries = makeCanaries();
  process.env.GALAPAGOS_CANARY = canaries.environment;
  neighbour = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const backwards = Object.fromEntries(Object.entries(canaries).map(([k, v]) => [k, [...v].reverse().join('')]));
  const needles = { backwards, roots: changes.roots?.(neighbour.pid!) ?? ['/'], sinceMs: wallClock.now() - 5_000 };
  const settings = `task: { wallMs: 120000 }\nmetaAgent: { wallMs: 120000 }\n${changes.settings ?? ''}`;
  const { record } = await sharedRun({
    ...{ dir, sandbox, settings, rounds: 2, scripts: { a: {}, b: {} }, niche: nicheOf(canaries) },
    seeds: { '': seedOf(needles), b: { 'position.json': '{"x":1}' } },
    onProgress(event) {
      if (event.type !== 'run.started') return;
      for (const at of ['', 'markspace', 'genomes']) {
        writeFileSync(join(dir, 'out', event.run, at, 'canary.txt'), canaries['run-file']);
      }
    },
  });
  const { generations, test } = record.lineages.find(({ id }) => id === 'a')!;
  const child = generations.find(({ generation }) => generation === 2)!;
  expect(child.failure).toBeNull();
  const tree = await createFileGenomeStore(join(record.dir, 'genomes')).get(child.genome);
  const [item] = test!.items;
  return {
    meta: JSON.parse(textOf(tree.get('found.json')!.bytes)!) as Search,
    solver: (item!.consequence as unknown as { details: { searched: Search } }).details.searched,
  };
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

/** A peer's published score is shown on purpose, there and nowhere else. */
const published = 'selection-score-b in /workspace/strategies/b_gen1/metadata.json';
const train = ['history', 'train'].map((name) => `train-score in /workspace/evals/${name}.json`);

describe.each(providers)('in a sandbox of %s', (provider, missing) => {
  itNeeds(provider, missing)(
    'no selection or test label, score or file is anywhere, nor anything of the runtime, for either agent',
    async () => {
      const { meta, solver } = await searchedRun(provider, {});
      // That it found the train score says that it would have found the others.
      expect(meta.found).toEqual([published, ...train]);
      expect(solver.found).toEqual([]);
      for (const { names, processes } of [meta, solver]) expect([names > 1_000, processes > 0]).toEqual([true, true]);
    },
  );

  itNeeds(provider, missing)(
    'the selection split is there once the experiment opens it, the test split never',
    async () => {
      const { meta, solver } = await searchedRun(provider, { settings: 'visibility: { selection: true }' });
      const opened = ['selection-label', 'selection-score-a'].map(
        (what) => `${what} in /workspace/evals/selection.json`,
      );
      expect(meta.found).toEqual([...opened, published, ...train].sort());
      expect(solver.found).toEqual([]);
    },
  );
});

describe('without isolation', () => {
  itNeeds('Linux', process.platform === 'linux' ? null : 'there is no /proc')(
    'the same search finds everything that was planted',
    async () => {
      const { meta } = await searchedRun('process', { roots: (pid) => [dir, `/proc/${pid}/environ`] });
      const what = new Set(meta.found.map((line) => line.split(' ')[0]));
      expect([...what].sort()).toEqual(
        [
          'environment',
          'run-file',
          'selection-label',
          'selection-score-a',
          'selection-score-b',
          'test-label',
          'test-score',
          'train-score',
        ].sort(),
      );
    },
  );
});
