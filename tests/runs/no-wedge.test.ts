import { expect, it } from 'vitest';
import type { Generation } from '../../src/core/records.ts';
import { scratchDir } from '../support/example-run.ts';
import { bash, create, drop, type Scripts, type Step, sharedRun, stand } from './shared-run.ts';

/** A program that parses and imports, and then does what is said when it is started. */
const whenStarted = (body: string) => `import { realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
export function main() {
  ${body}
}
if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) main();
`;
const withHelper = `import { realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { answer } from './lib/helper.mjs';
export function main() {
  console.log(JSON.stringify({ x: answer }));
}
if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) main();
`;

/** What the first edit of a lineage does to its own genome, and the stage that notices; `null`: only later, or never. */
const breakages: Readonly<Record<string, { readonly steps: readonly Step[]; readonly noticed: string | null }>> = {
  'task-syntax': { steps: [create('task.mjs', 'export function main( {')], noticed: 'import-check' },
  'meta-syntax': { steps: [create('meta.mjs', 'export async function main( {')], noticed: 'import-check' },
  'import-forgotten': { steps: [create('task.mjs', withHelper)], noticed: 'import-check' },
  'helper-created': {
    steps: [create('lib/helper.mjs', 'export const answer = 5;\n'), create('task.mjs', withHelper)],
    noticed: null,
  },
  'meta-throws': { steps: [create('meta.mjs', whenStarted("throw new Error('broken');")), stand(5)], noticed: null },
  'meta-idles': { steps: [create('meta.mjs', whenStarted('')), stand(5)], noticed: null },
  'meta-deleted': { steps: [drop('meta.mjs')], noticed: 'import-check' },
  'manifest-broken': { steps: [create('genome.json', '{ "task": ')], noticed: 'import-check' },
  'everything-deleted': { steps: [bash('rm -rf ./* ')], noticed: 'import-check' },
  'task-crashes': { steps: [create('task.mjs', whenStarted('process.exit(3);'))], noticed: 'evaluation' },
};
const names = Object.keys(breakages);

const isUsable = (g: Generation) => g.verdict !== 'failed';
const noticedBy = (g: Generation) => g.failure?.stage ?? (isUsable(g) ? null : 'evaluation');

it('a genome that breaks itself, in any of ten ways, loses two generations at most', { timeout: 300_000 }, async () => {
  const scripts: Scripts = Object.fromEntries(names.map((name) => [name, { 1: breakages[name]!.steps }]));
  // None of them is about time: a busy machine must not be an eleventh.
  const settings = 'task: { wallMs: 120000 }\nmetaAgent: { wallMs: 120000 }';
  const { record } = await sharedRun({ dir: scratchDir(), scripts, rounds: 4, sandbox: 'process', settings });
  const seen = record.lineages.map(({ id, generations }) => ({
    name: id,
    noticed: noticedBy(generations[1]!),
    lost: generations.slice(1).filter((g) => !isUsable(g)).length,
    isBack: isUsable(generations.at(-1)!),
  }));
  const lost = (name: string) => (name === 'helper-created' ? 0 : /meta-(throws|idles)/.test(name) ? 2 : 1);
  const problems = record.lineages.flatMap(({ id, generations }) =>
    generations
      .filter((g) => !isUsable(g))
      .map((g) => `${id} g${g.generation}: ${JSON.stringify(g.failure ?? g.train)}`),
  );
  expect(
    seen.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name)),
    problems.join('\n'),
  ).toEqual(names.map((name) => ({ name, noticed: breakages[name]!.noticed, lost: lost(name), isBack: true })));
  const last = (name: string) => record.lineages.find(({ id }) => id === name)!.generations.at(-1)!;
  // Its ancestor's helper came with it, and is what answers.
  expect(last('helper-created')).toMatchObject({ parent: 1, selection: { score: 5 } });
  for (const name of ['meta-throws', 'meta-idles']) expect(last(name)).toMatchObject({ parent: 1, metaFrom: 0 });
});
