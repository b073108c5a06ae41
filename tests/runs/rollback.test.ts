import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logRows } from '../../src/cli/log/log-rows.ts';
import { readLog, resume } from '../../src/index.ts';
import { factsOf, scratchDir } from '../support/example-run.ts';
import { armsRun } from './arms-run.ts';
import { resultOf } from './kill-and-resume.ts';

/** Up, then down for three generations, then up again from wherever it is. */
const stand = ({ generation, parent }: { generation: number; parent: number }) =>
  generation === 1 ? 8 : generation <= 4 ? 1 + generation / 10 : parent + 1;

it('a lineage that lost what it had gained goes on from its best; journal, commit, note, log and report say so, and a run that was broken off does the same', {
  timeout: 120_000,
}, async () => {
  const { out, records, outcome } = await armsRun({
    ...{ dir: scratchDir(), lineages: { a: 'mutator:numeric' }, seeds: [1], rounds: 6, stand },
    arms: ['solo', 'sequential'],
    settings: 'selection: latest\nrollback: { after: 3 }',
  });
  const dir = join(out, 'arms-solo-1');
  const record = records.get('solo/1')!;
  const rollback = { from: 4, streak: 3, floor: 1004 };
  const generations = record.lineages[0]!.generations;
  expect(generations.map((g) => g.parent)).toEqual([null, 0, 1, 2, 3, 1, 5]);
  expect(generations.map((g) => g.rollback)).toEqual([...Array(5).fill(undefined), rollback, undefined]);
  expect(generations[5]!.selection).toMatchObject({ score: 1009 });
  const facts = factsOf(dir).filter((fact) => fact.type === 'lineage.finished');
  expect(facts.filter(({ body }) => JSON.stringify(body).includes('"rollback"')).map(({ key }) => key)).toEqual([
    'a/5',
  ]);
  const entry = (await readLog(record)).find((e) => e.generation === 5)!;
  expect(entry.trailers).toContainEqual(['Rolled-Back-From', '4']);
  expect(entry.note).toMatchObject({ rollback });
  expect(logRows(record).filter((row) => row.rolledBackFrom !== null)).toMatchObject([{ generation: 5, parent: 1 }]);
  expect(readFileSync(outcome.report!, 'utf8')).toMatch(
    /\| rollback \| arms-solo-1 \| a \| 2 \| 4 \| g5 is a child of the best, g1/,
  );
  // A baseline is what it is: it keeps editing the latest.
  const parents = records.get('sequential/1')!.lineages[0]!.generations.map((g) => g.parent);
  expect(parents).toEqual([null, 0, 1, 2, 3, 4, 5]);

  const lines = readFileSync(join(dir, 'journal.jsonl'), 'utf8').split('\n');
  const opened = lines.findIndex((line) => line.includes('"round.opened"') && line.includes('"key":"5"'));
  expect(opened).toBeGreaterThan(0);
  for (const kept of [opened - 1, opened + 1, opened + 4]) {
    const copy = join(scratchDir(), 'arms-solo-1');
    cpSync(dir, copy, { recursive: true });
    // A journal that says what is safe in the repository keeps it.
    if (!lines.slice(0, kept).some((line) => line.includes('"lineage.checkpointed"'))) {
      rmSync(join(copy, 'lineage'), { recursive: true });
    }
    writeFileSync(join(copy, 'journal.jsonl'), `${lines.slice(0, kept).join('\n')}\n`);
    await resume(copy, { logLevel: 'silent' });
    expect(resultOf(copy), `from fact ${kept}`).toEqual(resultOf(dir));
  }
});
