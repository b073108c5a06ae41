import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { holderOf, lockRun } from '../../src/runtime/run-lock.ts';
import { program, type Started, scratch, start } from './scratch.ts';

async function contender(dir: string): Promise<Started> {
  const started = start(program('hold-lock.ts', dir));
  expect(await started.line()).toBe('ready');
  return started;
}

async function ask(started: Started, text = 'lock'): Promise<string | null> {
  started.tell(text);
  return started.line();
}

it('refuses a second process, naming the one that holds the run', async () => {
  const dir = await scratch();
  const other = await contender(dir);
  expect(await ask(other)).toBe('locked');
  expect(holderOf(dir)).toBe(other.pid);
  expect(() => lockRun(dir)).toThrow(
    expect.objectContaining({
      code: 'RUN_LOCKED',
      retryable: true,
      message: `process ${other.pid} is working on ${dir}; wait for it or stop it`,
      details: { pid: other.pid },
    }),
  );
  expect(await ask(other, 'release')).toBe('released');
  using lock = lockRun(dir);
  expect(lock).toBeDefined();
  expect(await ask(other)).toBe('RUN_LOCKED');
});

it('takes over the lock of a killed process', async () => {
  const dir = await scratch();
  const other = await contender(dir);
  expect(await ask(other)).toBe('locked');
  await other.kill();
  expect(holderOf(dir)).toBeNull();
  using _lock = lockRun(dir);
  expect(holderOf(dir)).toBe(process.pid);
});

it.runIf(process.platform === 'linux')('takes over from a dead process whose number lives on in another', async () => {
  const dir = await scratch();
  writeFileSync(join(dir, 'lock'), JSON.stringify({ pid: process.ppid, startedAt: '1' }));
  expect(holderOf(dir)).toBeNull();
  using _lock = lockRun(dir);
  expect(holderOf(dir)).toBe(process.pid);
});

it.each(['', '{', 'null', '{}', '{"pid":"x"}'])('takes over a lock that holds %j', async (text) => {
  const dir = await scratch();
  writeFileSync(join(dir, 'lock'), text);
  using _lock = lockRun(dir);
  expect(JSON.parse(readFileSync(join(dir, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid });
});

it('refuses the same process too, and leaves nothing behind', async () => {
  const dir = await scratch();
  {
    using _lock = lockRun(dir);
    expect(() => lockRun(dir)).toThrow(expect.objectContaining({ code: 'RUN_LOCKED' }));
    expect(readdirSync(dir)).toEqual(['lock']);
  }
  expect(readdirSync(dir)).toEqual([]);
  expect(holderOf(dir)).toBeNull();
});

it('gives back only its own lock', async () => {
  const dir = await scratch();
  const lock = lockRun(dir);
  writeFileSync(join(dir, 'lock'), JSON.stringify({ pid: process.ppid, startedAt: '' }));
  lock[Symbol.dispose]();
  expect(existsSync(join(dir, 'lock'))).toBe(true);
});

it('says what it could not do when there is no directory', () => {
  expect(() => lockRun('/nowhere/at/all')).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }));
});

it('lets exactly one of eight processes take over a stale lock', async () => {
  const dir = await scratch();
  const dead = await contender(dir);
  const racers = await Promise.all(Array.from({ length: 8 }, () => contender(dir)));
  for (let round = 0; round < 10; round += 1) {
    if (round === 0) {
      expect(await ask(dead)).toBe('locked');
      await dead.kill();
    } else writeFileSync(join(dir, 'lock'), JSON.stringify({ pid: dead.pid, startedAt: '1' }));
    const answers = await Promise.all(racers.map((racer) => ask(racer)));
    expect(
      answers.filter((a) => a === 'locked'),
      `round ${round}: ${answers}`,
    ).toHaveLength(1);
    expect(answers.filter((a) => a === 'RUN_LOCKED')).toHaveLength(7);
    expect(holderOf(dir)).toBe(racers[answers.indexOf('locked')]!.pid);
    expect(await ask(racers[answers.indexOf('locked')]!, 'release')).toBe('released');
    expect(readdirSync(dir)).toEqual([]);
  }
});
