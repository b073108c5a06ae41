import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listenForStop } from '../../src/cli/commands/stop-signals.ts';
import { cli, tinyRun } from './run-cli.ts';

const run = 'packing-paired-1';
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'gal-cli-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The real program, from its sources. */
function start(argv: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'jiti/register', 'src/cli/main.ts', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

it('stops at the end of the round on SIGINT with exit code 130, and a resume finishes the run', async () => {
  const out = join(dir, 'child');
  const child = start([...tinyRun, '--set', 'budget.generations=3', '--out', out, '--json']);
  let [stdout, stderr] = ['', ''];
  let isSent = false;
  child.stdout!.on('data', (chunk) => (stdout += chunk));
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
    if (!isSent && stderr.includes(' g0 seed')) isSent = child.kill('SIGINT');
  });
  const exitCode = await new Promise((resolve) => child.on('close', resolve));
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 130 });
  expect(stderr).toContain('stopping at the end of the round; Ctrl-C again stops at once');
  expect(stderr).toContain(`continue it with: npx galapagos resume ${join(out, run)}`);
  const stopped = JSON.parse(stdout);
  expect(stopped).toMatchObject({ status: 'stopped', runs: [{ run, status: 'stopped' }] });

  const { exitCode: finished, stdout: document, stderr: progress } = await cli(['resume', join(out, run), '--json']);
  expect(finished).toBe(0);
  expect(JSON.parse(document)).toMatchObject({
    status: 'done',
    runs: [{ run, lineages: { numeric: { generations: 3 }, structural: { generations: 3 } } }],
  });
  expect(progress).toContain(`${run} resumed after`);
}, 60_000);

it('stops at once on the second Ctrl-C, refuses a run that is held, and loses nothing', async () => {
  const out = join(dir, 'twice');
  let held: Promise<{ exitCode: number; stderr: string; stdout: string }> | null = null;
  const { exitCode, stderr } = await cli([...tinyRun, '--set', 'budget.generations=2', '--out', out], {
    onStderr(text, press) {
      if (!text.includes(`${run} started`)) return;
      held = cli(['resume', join(out, run), '--json']);
      void held.then(press).then(press);
    },
  });
  expect(await held).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('is working on') });
  expect(exitCode).toBe(130);
  expect(stderr).toContain(`resume with galapagos resume ${join(out, run)}`);
  expect(stderr).toContain('stopping at once');
  expect(stderr).toContain(`${run} is unfinished; continue it with: galapagos resume ${join(out, run)}`);
  expect((await cli(['resume', join(out, run), '--json'])).exitCode).toBe(0);
}, 60_000);

it('takes a signal that comes twice within a moment for one, and leaves a third to the system', () => {
  let nowMs = 0;
  let press: (() => void) | null = null;
  const steps: string[] = [];
  const io = {
    now: () => nowMs,
    onStopSignal: (listener: (signal: 'SIGINT') => void) => {
      press = () => listener('SIGINT');
      return () => {
        press = null;
      };
    },
  };
  const { stopSoon, signal } = listenForStop(io as never, (step) => steps.push(step));
  press!();
  nowMs = 100;
  press!();
  expect([stopSoon.aborted, signal.aborted, steps]).toEqual([true, false, ['soon']]);
  nowMs = 1_000;
  press!();
  expect([signal.aborted, steps, press]).toEqual([true, ['soon', 'now'], null]);
});
