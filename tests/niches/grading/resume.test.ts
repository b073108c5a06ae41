import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { resume, run } from '../../../src/index.ts';
import { scratchDir } from '../../support/example-run.ts';
import { csvOf, rowsOf } from './table-fixture.ts';

const seed = {
  'genome.json': JSON.stringify({ task: { command: ['node', 'task.mjs'] }, meta: { command: ['node', 'meta.mjs'] } }),
  'task.mjs': `import { pathToFileURL } from 'node:url';
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) console.log('{"points": 7}');
`,
  'meta.mjs': `import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync('note.txt', String(Math.random()));
  console.log('{}');
}
`,
};

it('a run that was stopped is not resumed over a table that has changed, and goes on once it is back', async () => {
  const dir = scratchDir();
  mkdirSync(join(dir, 'seed'));
  for (const [name, text] of Object.entries(seed)) writeFileSync(join(dir, 'seed', name), text);
  const table = csvOf(rowsOf({ correct: 3, almost: 3 }));
  const file = join(dir, 'experiment.yaml');
  writeFileSync(join(dir, 'table.csv'), table);
  writeFileSync(
    file,
    `name: stopped
niche: { module: grading, params: { table: table.csv } }
lineages: { a: { model: "mutator:numeric" } }
arms: [solo]
budget: { generations: 2 }
task: { maxCalls: 0, wallMs: 120000 }
metaAgent: { wallMs: 120000 }
sandbox: { provider: process, allowUnsafe: true, warm: 0 }
`,
  );
  const out = join(dir, 'out');
  const soon = new AbortController();
  const begun = await run(file, {
    out,
    logLevel: 'silent',
    stopSoon: soon.signal,
    onProgress: ({ type }) => type === 'run.started' && soon.abort(),
  });
  expect(begun.runs[0]!.status).toBe('stopped');

  writeFileSync(join(dir, 'table.csv'), table.replace(',7,almost', ',7,correct'));
  await expect(resume(begun.runs[0]!.dir, { logLevel: 'silent' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/was begun with niche grading 1-accuracy-\w+, and this is grading 1-accuracy-\w+:/),
  });

  writeFileSync(join(dir, 'table.csv'), table);
  const done = await resume(begun.runs[0]!.dir, { logLevel: 'silent' });
  expect(done.runs[0]!.status).toBe('done');
}, 300_000);
