import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readRun, run } from '../../src/index.ts';
import { openRunMarks } from '../../src/runtime/marks.ts';
import { repository, scratchDir } from '../support/example-run.ts';

it('the example of scopes and regulation holds back the loud lineage and nobody else', async () => {
  const options = { out: scratchDir(), sandbox: 'process', logLevel: 'silent' } as const;
  const outcome = await run(join(repository, 'examples', 'notes'), options);
  const { dir, status } = outcome.runs[0]!;
  expect(status).toBe('done');
  const { narrowings } = await readRun(dir);
  expect(narrowings).toMatchObject([{ lineage: 'loud', scope: 'notes', round: 6 }]);
  await using marks = await openRunMarks(dir, '.');
  const notes = marks.entries({ all: true, scope: 'notes' }).map(({ mark }) => mark);
  const byRound = (author: string) => [...new Set(notes.filter((m) => m.author === author).map((m) => m.createdAtMs))];
  expect(byRound('calm')).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(byRound('loud')).toEqual([1, 2, 3, 4, 5, 6]);
  // A place that the niche measured is no claim.
  expect(notes.flatMap(({ flags }) => flags)).toEqual([]);
  // Both go on from the best place that anybody noted.
  expect(outcome.runs[0]!.lineages.calm!.best).toBeGreaterThan(95);
}, 180_000);
