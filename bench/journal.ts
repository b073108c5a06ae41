/**
 * What a fact in the journal costs, as a ratio against a bare write of the
 * same line: appended one after the other, and many at a time; and read back.
 *
 *   npm run bench -- journal [--facts=100000]
 */
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openJournal, scanJournal } from '../src/runtime/journal.ts';
import { goal, inFlight, report, speedOf } from './speed.ts';

const facts = Number(process.argv.find((word) => word.startsWith('--facts='))?.slice('--facts='.length) ?? 100_000);
const root = mkdtempSync(join(tmpdir(), 'gal-bench-'));
const body = { output: Array.from({ length: 26 }, (_, i) => i / 7) };

try {
  await using single = await openJournal(join(root, 'single'));
  await using shared = await openJournal(join(root, 'shared'));
  const writing = {
    'bare write, a line each': await speedOf(facts, () => {
      const fd = openSync(join(root, 'bare'), 'a');
      for (let i = 0; i < facts; i += 1) {
        writeSync(fd, `${JSON.stringify({ seq: i, type: 'fact', key: `${i}`, body })}\n`);
      }
      closeSync(fd);
    }),
    'journal, one at a time': await speedOf(facts, async () => {
      for (let i = 0; i < facts; i += 1) await single.append('fact', String(i), body);
    }),
    'journal, 64 at a time': await speedOf(facts, () => {
      return inFlight(64, facts, (i) => shared.append('fact', String(i), body));
    }),
  };
  report(`writing ${facts} facts`, writing);
  report(`reading ${facts} facts`, {
    'bare lines, parsed': await speedOf(facts, async () => {
      for await (const line of createInterface(createReadStream(join(root, 'bare')))) JSON.parse(line);
    }),
    'journal, checked': await speedOf(facts, () => scanJournal(join(root, 'shared'), () => {})),
  });
  const { perSecond, perCpuSecond } = writing['journal, 64 at a time'];
  goal('facts appended, by the clock', perSecond, 'a second', { atLeast: 50_000 });
  goal('facts appended, by processor time', perCpuSecond, 'a second', { atLeast: 50_000 });
} finally {
  rmSync(root, { recursive: true });
}
