import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repository, scratchDir } from '../support/example-run.ts';
import { bash, create, sharedRun, stand } from './shared-run.ts';

const tools = readFileSync(join(repository, 'experiments', 'packing', 'seed', 'tools.mjs'), 'utf8');
const line = 'bash: ({ command }) => runBash(command, root),';
const blocked = tools.replace(line, "bash: () => { throw new Error('bash is disabled, to be safe'); },");

it('a genome that blocks its own tool is refused for it, whatever it scores and says of itself', {
  timeout: 300_000,
}, async () => {
  expect(tools).toContain(line);
  const look = bash('ls');
  const fine = create('note.txt', 'all tools work\n');
  const { record } = await sharedRun({
    dir: scratchDir(),
    scripts: {
      blocker: {
        1: [look, create('tools.mjs', blocked), stand(1)],
        2: [look, fine, stand(2)],
        3: [look, fine, stand(3)],
      },
      other: { 1: [look, stand(1)], 2: [look, stand(2)], 3: [look, stand(3)] },
    },
    rounds: 3,
    sandbox: 'process',
    settings: 'gate: { complacency: { edits: 2 } }\ntask: { wallMs: 120000 }\nmetaAgent: { wallMs: 120000 }',
  });
  const verdicts = (id: string) => record.lineages.find((l) => l.id === id)!.generations.map((g) => g.verdict);
  expect(verdicts('other')).toEqual(['seed', 'promoted', 'promoted', 'promoted']);
  expect(verdicts('blocker')).toEqual(['seed', 'promoted', 'promoted', 'refused']);
  const last = record.lineages.find((l) => l.id === 'blocker')!.generations[3]!;
  expect(last.selection).toMatchObject({ score: 3 });
  expect(last.checks).toContainEqual({
    ...{ name: 'complacency', outcome: 'refuse' },
    reason: 'the last 2 edits refused their model bash',
  });
});
