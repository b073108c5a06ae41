import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scanJournal } from '../../src/runtime/journal.ts';
import { readRun } from '../../src/runtime/read-run.ts';
import { readManifest, runPaths } from '../../src/runtime/run-directory.ts';
import { RunState } from '../../src/runtime/run-state.ts';
import { scratchDir } from '../support/example-run.ts';

const pretty = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;

describe('a recorded run of format 1', () => {
  it('is still read to the same record and the same state, byte for byte', async () => {
    const dir = join(scratchDir(), 'run');
    cpSync(join(import.meta.dirname, 'format-1'), dir, { recursive: true });
    const record = { ...(await readRun(dir)), dir: '' };
    await expect(pretty(record)).toMatchFileSnapshot('format-1.record.json');

    const state = new RunState(readManifest(dir));
    const end = await scanJournal(runPaths(dir).journal, (fact) => state.apply(fact));
    const { round, ended, wallMs, unsafeRounds } = state;
    const lineages = [...state.lineages].map(([id, known]) => [id, { ...known, generations: [...known.generations] }]);
    await expect(pretty({ end, round, ended, wallMs, unsafeRounds, lineages })).toMatchFileSnapshot('format-1.state.json');
  });
});
