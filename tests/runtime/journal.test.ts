import { readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import type { Fact } from '../../src/core/journal.ts';
import { sha256 } from '../../src/core/json.ts';
import { openJournal, scanJournal } from '../../src/runtime/journal.ts';
import { program, scratch, start } from './scratch.ts';

const journalPath = async () => join(await scratch(), 'journal.jsonl');

async function read(path: string): Promise<Fact[]> {
  const facts: Fact[] = [];
  await scanJournal(path, (fact) => facts.push(fact));
  return facts;
}

/** A journal of `n` facts on disk. */
async function written(n: number): Promise<string> {
  const path = await journalPath();
  await using journal = await openJournal(path, { clock: new SimulatedClock(5) });
  for (let i = 0; i < n; i += 1) await journal.append('fact', String(i), { i, text: `ü${i}\n` });
  return path;
}

describe('what is written', () => {
  it('is one line a fact, numbered, with the time, each hash covering the line before', async () => {
    const path = await written(3);
    let previous = '0'.repeat(32);
    const lines = (await readFile(path, 'utf8')).split('\n');
    expect(lines.pop()).toBe('');
    for (const [seq, line] of lines.entries()) {
      const { hash, ...fact } = JSON.parse(line);
      expect(fact).toEqual({ seq, at: 5, type: 'fact', key: String(seq), body: { i: seq, text: `ü${seq}\n` } });
      expect(hash).toBe(sha256(previous + JSON.stringify(fact)).slice(0, 32));
      previous = hash;
    }
  });

  it('is found again, whatever a candidate printed', async () => {
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom('\u2028', '\u2029', '\n', '\r', '\0', '\ud800'), fc.string()),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 5 }), async (texts) => {
        const path = await journalPath();
        {
          await using journal = await openJournal(path);
          for (const [i, body] of texts.entries()) await journal.append('fact', String(i), body);
        }
        expect((await read(path)).map((f) => f.body)).toEqual(texts);
      }),
      { numRuns: 30 },
    );
  });

  it('is a plain fact when it is found: copied, spread or written again it has its body, however long', async () => {
    const path = await journalPath();
    const bodies = [{ text: '\u{1f9ec}'.repeat(40_000) }, null, [], { key: '","body":' }];
    await using journal = await openJournal(path, { clock: new SimulatedClock(5) });
    for (const [i, body] of bodies.entries()) await journal.append('fact', `"${i}\\`, body);
    const found = await read(path);
    const expected = bodies.map((body, seq) => ({ seq, at: 5, type: 'fact', key: `"${seq}\\`, body }));
    expect(found.map((fact) => ({ ...fact }))).toEqual(expected);
    await journal.append('round.opened', '0', { round: 0 });
    const plain = (await read(path)).at(-1)!;
    const last = { seq: bodies.length, at: 5, type: 'round.opened', key: '0', body: { round: 0 } };
    for (const copy of [{ ...plain }, JSON.parse(JSON.stringify(plain)), structuredClone(plain)]) {
      expect(copy).toEqual(last);
    }
    expect(plain.body).toBe(plain.body);
  });

  it('is found again and checked beyond what is read at once, in lines of any length', async () => {
    const path = await journalPath();
    const bodies = Array.from({ length: 60 }, (_, i) => ({
      i,
      text: 'ü\u{1f9ec}\n'.repeat(i % 20 === 7 ? 400_000 : i * 900),
    }));
    {
      await using journal = await openJournal(path);
      for (const body of bodies) await journal.append('fact', `ö/${body.i}`, body);
    }
    const found = await read(path);
    // Asked for in another order than they came in.
    expect(found.reverse().map(({ key, body }) => ({ key, body }))).toEqual(
      bodies.map((body) => ({ key: `ö/${body.i}`, body })).reverse(),
    );
    const bytes = await readFile(path);
    expect(bytes.byteLength).toBeGreaterThan(8 << 20);
    bytes[bytes.byteLength - 100]! ^= 1;
    await writeFile(path, bytes);
    await expect(read(path)).rejects.toMatchObject({
      code: 'JOURNAL_CORRUPT',
      message: expect.stringContaining('line 60 '),
    });
  });

  it('continues the chain when it is opened again', async () => {
    const path = await written(2);
    {
      await using journal = await openJournal(path);
      expect(journal.length).toBe(2);
      await journal.append('fact', '2', {});
    }
    expect((await read(path)).map((f) => f.seq)).toEqual([0, 1, 2]);
  });

  it('is told to whoever listens: as a replay when it is found, as news when it is written', async () => {
    const path = await written(1);
    const heard: unknown[] = [];
    await using journal = await openJournal(path, { onFact: (f, isReplay) => heard.push([f.key, isReplay]) });
    await journal.append('fact', 'new', {});
    expect(heard).toEqual([
      ['0', true],
      ['new', false],
    ]);
  });

  it('is told in its order and only when it is written, however much comes at once', async () => {
    const path = await journalPath();
    const told: number[] = [];
    const onFact = ({ seq }: Fact) => {
      told.push(seq);
      expect(readFileSync(path, 'utf8').split('\n').length - 1).toBeGreaterThan(seq);
    };
    await using journal = await openJournal(path, { onFact });
    const answers: string[] = [];
    const append = async (type: string, key: string) => {
      await journal.append(type, key, {});
      answers.push(key);
    };
    const all = Array.from({ length: 200 }, (_, i) => `${i}`);
    // A commit point waits for the device; what comes meanwhile is neither told nor answered before it.
    await Promise.all(all.map((key, i) => append(i % 7 === 3 ? 'lineage.finished' : 'fact', key)));
    expect(told).toEqual(all.map(Number));
    expect(answers).toEqual(all);
    expect((await read(path)).map(({ key }) => key)).toEqual(all);
  });

  it('is there though whoever listened to another one failed', async () => {
    const path = await journalPath();
    await using journal = await openJournal(path, {
      onFact: ({ key }) => {
        if (key === 'bad') throw new Error('the listener is broken');
      },
    });
    const [first, bad, last] = await Promise.allSettled(
      ['a', 'bad', 'b'].map((key) => journal.append('fact', key, {})),
    );
    expect([first?.status, bad?.status, last?.status]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await read(path)).map(({ key }) => key)).toEqual(['a', 'bad', 'b']);
  });

  it('is nothing yet for a journal that does not exist', async () => {
    expect(await read(await journalPath())).toEqual([]);
  });
});

describe('an effect under a key', () => {
  it('runs once, and its result is there after a restart', async () => {
    const path = await journalPath();
    let runs = 0;
    const effect = async () => ({ run: (runs += 1) });
    {
      await using journal = await openJournal(path);
      expect(await journal.once('solver.finished', 'a/1', effect)).toEqual({ run: 1 });
      expect(await journal.once('solver.finished', 'a/1', effect)).toEqual({ run: 1 });
      expect(await journal.once('solver.finished', 'a/2', effect)).toEqual({ run: 2 });
      expect(await journal.once('gate.finished', 'a/1', effect)).toEqual({ run: 3 });
    }
    await using journal = await openJournal(path);
    expect(await journal.once('solver.finished', 'a/1', effect)).toEqual({ run: 1 });
    expect(journal.recorded('solver.finished', 'a/2')).toEqual({ run: 2 });
    expect(journal.recorded('solver.finished', 'a/3')).toBeUndefined();
    expect(journal.length).toBe(3);
  });

  it('is shared by callers that come while it runs', async () => {
    const path = await journalPath();
    await using journal = await openJournal(path);
    let finish: (n: number) => void = () => {};
    let runs = 0;
    const effect = () => {
      runs += 1;
      return new Promise<number>((resolve) => {
        finish = resolve;
      });
    };
    const calls = Array.from({ length: 8 }, () => journal.once('fact', 'k', effect));
    expect(journal.recorded('fact', 'k')).toBeUndefined();
    finish(7);
    expect(await Promise.all(calls)).toEqual(Array(8).fill(7));
    expect({ runs, facts: journal.length }).toEqual({ runs: 1, facts: 1 });
  });

  it('is not recorded when it throws, and runs again', async () => {
    await using journal = await openJournal(await journalPath());
    await expect(journal.once('fact', 'k', () => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
    expect(await journal.once('fact', 'k', async () => 1)).toBe(1);
    expect(journal.length).toBe(1);
  });

  it.each(['fact', 'lineage.finished'])('drops a repeated %s, also one appended at the same moment', async (type) => {
    await using journal = await openJournal(await journalPath());
    await Promise.all(Array.from({ length: 8 }, (_, i) => journal.append(type, 'k', { i })));
    await journal.append(type, 'k', { i: 'late' });
    expect(journal.length).toBe(1);
    expect(journal.recorded(type, 'k')).toEqual({ i: 0 });
  });

  it('is forgotten at the end of a round, after a restart too', async () => {
    const path = await journalPath();
    {
      await using journal = await openJournal(path);
      await journal.append('fact', 'k', 1);
      await journal.append('round.closed', '0', { round: 0 });
      expect(journal.recorded('fact', 'k')).toBeUndefined();
      await journal.append('fact', 'later', 2);
    }
    await using journal = await openJournal(path);
    expect(journal.recorded('fact', 'k')).toBeUndefined();
    expect(journal.recorded('fact', 'later')).toBe(2);
  });
});

describe('after a crash', () => {
  it('recovers from a last line torn at any byte, and goes on', async () => {
    const bytes = await readFile(await written(3));
    const start = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
    const dir = await scratch();
    for (let cut = start; cut < bytes.length; cut += 1) {
      const path = join(dir, `${cut}.jsonl`);
      await writeFile(path, bytes.subarray(0, cut));
      expect((await read(path)).length, `cut at ${cut}`).toBe(2);
      {
        await using journal = await openJournal(path);
        expect(journal.recorded('fact', '2')).toBeUndefined();
        await journal.append('fact', '2', { again: true });
      }
      expect((await read(path)).at(-1), `cut at ${cut}`).toMatchObject({ seq: 2, body: { again: true } });
    }
  });

  it('can be read while another process is half through a line', async () => {
    const path = await written(2);
    await writeFile(path, '{"seq":2,"at":5', { flag: 'a' });
    expect(await read(path)).toHaveLength(2);
  });
});

describe('an altered journal', () => {
  const alter = async (change: (lines: string[]) => void) => {
    const path = await written(4);
    const lines = (await readFile(path, 'utf8')).split('\n');
    change(lines);
    await writeFile(path, lines.join('\n'));
    return path;
  };
  const swap = (lines: string[]) => {
    [lines[1], lines[2]] = [lines[2]!, lines[1]!];
  };
  it.each<[string, number, (lines: string[]) => void]>([
    ['a value was changed', 2, (lines) => (lines[1] = lines[1]!.replace('"i":1', '"i":9'))],
    ['a line was removed', 2, (lines) => lines.splice(1, 1)],
    ['two lines were swapped', 2, swap],
    ['a line was copied', 3, (lines) => lines.splice(1, 0, lines[1]!)],
    ['a line was emptied', 3, (lines) => (lines[2] = '')],
    ['half a line is followed by others', 2, (lines) => (lines[1] = lines[1]!.slice(0, 20))],
    ['the first line was changed', 1, (lines) => (lines[0] = lines[0]!.replace('"at":5', '"at":6'))],
    ['the last whole line was changed', 4, (lines) => (lines[3] = lines[3]!.replace('"i":3', '"i":4'))],
  ])('is refused, naming the line, when %s', async (_, line, change) => {
    const path = await alter(change);
    const message = `${path}: line ${line} does not continue the chain; the journal was altered`;
    await expect(read(path)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT', message });
    await expect(openJournal(path)).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' });
  });

  it('is left as it was', async () => {
    const path = await alter((lines) => (lines[1] = 'x'));
    const before = await readFile(path);
    await expect(openJournal(path)).rejects.toThrow();
    expect(await readFile(path)).toEqual(before);
  });
});

describe('storage that fails', () => {
  it('fails the append on a full disk, stays failed, and keeps whole lines of what was acknowledged', async () => {
    const path = await journalPath();
    // A file-size limit of 16 KiB stands for a full disk: writes fall short, then fail with EFBIG.
    const child = start(['bash', '-c', 'ulimit -f 16; exec "$@"', 'bash', ...program('fill-disk.ts', path)]);
    const lines: string[] = [];
    for (let line = await child.line(); line !== null; line = await child.line()) lines.push(line);
    expect(lines.slice(-2)).toEqual(['failed STORAGE_FAILED', 'failed STORAGE_FAILED']);
    const facts = await read(path);
    expect(facts.map((f) => `acked ${f.key}`)).toEqual(lines.slice(0, -2));
    expect(facts.length).toBeGreaterThan(10);
    expect((await readFile(path, 'utf8')).endsWith('\n')).toBe(true);
    await using journal = await openJournal(path);
    await journal.append('fact', 'after the disk was freed', {});
    expect(journal.length).toBe(facts.length + 1);
  });

  it.each([
    ['is a directory', async (path: string) => void (await mkdir(path))],
    ['lies nowhere', async () => {}],
  ])('refuses to open a journal that %s', async (what, prepare) => {
    const path = join(await scratch(), what === 'lies nowhere' ? 'gone/journal.jsonl' : 'journal.jsonl');
    await prepare(path);
    await expect(openJournal(path)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it.skipIf(process.getuid?.() === 0)('refuses to open a journal it may not write', async () => {
    const path = await written(1);
    await chmod(path, 0o400);
    await expect(openJournal(path)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('takes nothing after it was closed', async () => {
    const path = await written(1);
    const journal = await openJournal(path);
    await journal[Symbol.asyncDispose]();
    await journal[Symbol.asyncDispose]();
    await expect(journal.append('fact', 'late', {})).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    expect(await read(path)).toHaveLength(1);
  });
});
