import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createMemoryBus } from '../../src/bus/memory-bus.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import { subjects } from '../../src/core/subjects.ts';
import { createAsk } from '../../src/runtime/ask.ts';
import { openJournal } from '../../src/runtime/journal.ts';
import { valid } from '../core/valid-messages.ts';
import { manifest } from './run-sample.ts';
import { scratch } from './scratch.ts';

it('takes a generation’s second going back for another request than its first, and repetitions for the same', async () => {
  await using bus = createMemoryBus();
  await using journal = await openJournal(join(await scratch(), 'journal.jsonl'));
  const { run } = manifest;
  const first = valid.trainer.request as RequestOf<'trainer'>;
  const second = { ...first, trial: 'refused' } as RequestOf<'trainer'>;
  const asked: unknown[] = [];
  const work = async ({ body }: { readonly body: unknown }) => {
    asked.push(body);
    return valid.trainer.result as never;
  };
  await using _worker = await bus.work(subjects.jobs(run, 'trainer', first.lineage), work, { concurrency: 1 });
  const ask = createAsk({ run, bus, journal, actorName: () => 'trainer', onReplay: () => {} });
  const { signal } = new AbortController();
  for (const request of [first, second, first, second]) await ask('trainer', request, signal);
  expect(asked).toEqual([first, second]);
});
