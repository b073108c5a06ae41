import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { lockRun } from '../../src/runtime/run-lock.ts';
import { eventually } from '../support/gateway.ts';
import { cli, tinyRun } from './run-cli.ts';

const run = 'packing-paired-1';
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'gal-cli-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const idsIn = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { id: string }).id);
const idsOf = async (at: string): Promise<string[]> =>
  JSON.parse((await cli(['marks', at, '--all', '--json'])).stdout).marks.map((mark: { id: string }) => mark.id);

it('follows a run that goes on, tells every mark once and in order, and ends with it', async () => {
  const out = join(dir, 'live');
  const at = join(out, run);
  let following: ReturnType<typeof cli> | null = null;
  const done = await cli([...tinyRun, '--set', 'budget.generations=3', '--out', out], {
    onStderr(text) {
      // The lock is taken and the first generations are under way.
      if (text.includes(' g0 seed')) following ??= cli(['marks', at, '--follow', '--all', '--json']);
    },
  });
  expect(done.exitCode).toBe(0);
  const followed = await following!;
  expect(followed.exitCode).toBe(0);
  expect(idsIn(followed.stdout)).toEqual(await idsOf(at));
  expect(followed.stderr).toContain(`${run} is not running any more`);
}, 120_000);

it('ends when the process that ran the run is killed, with every mark that was acknowledged', async () => {
  const out = join(dir, 'killed');
  const at = join(out, run);
  const argv = [
    '--import',
    'jiti/register',
    'src/cli/main.ts',
    ...tinyRun,
    '--set',
    'budget.generations=40',
    '--out',
    out,
  ];
  const child = spawn(process.execPath, argv, { stdio: 'ignore' });
  const marks = join(at, 'markspace', 'marks.jsonl');
  await eventually(() => expect(existsSync(marks) && readFileSync(marks, 'utf8')).toContain('\n'));
  const following = cli(['marks', at, '--follow', '--all', '--json']);
  child.kill('SIGKILL');
  const followed = await following;
  expect(followed.exitCode).toBe(0);
  expect(idsIn(followed.stdout).length).toBeGreaterThan(0);
  expect(idsIn(followed.stdout)).toEqual(await idsOf(at));
}, 120_000);

it('goes on over a compaction, tells nothing twice, and stops at Ctrl-C', async () => {
  const out = join(dir, 'compacted');
  const at = join(out, run);
  expect((await cli([...tinyRun, '--set', 'budget.generations=1', '--out', out])).exitCode).toBe(0);
  const before = await idsOf(at);
  using _lock = lockRun(at);
  await using store = await openFileMarkStore(join(at, 'markspace', 'marks.jsonl'));
  const [known] = store.since(0);
  const told: string[] = [];
  let press = () => {};
  const following = cli(['marks', at, '--follow', '--all', '--json'], {
    onStdout(text, stop) {
      told.push(...idsIn(text));
      press = stop;
    },
  });
  await eventually(() => expect(told).toEqual(before));
  await store.append({ ...known!, id: 'm-1' });
  await eventually(() => expect(told).toContain('m-1'));
  await store.compact((mark) => mark.id === 'm-1');
  await store.append({ ...known!, id: 'm-2' });
  await eventually(() => expect(told).toContain('m-2'));
  press();
  expect((await following).exitCode).toBe(0);
  expect(told).toEqual([...before, 'm-1', 'm-2']);
}, 120_000);
