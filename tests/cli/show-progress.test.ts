import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { showProgress } from '../../src/cli/progress/show-progress.ts';
import { createSession } from '../../src/cli/session.ts';
import { finished, generation, started } from './generations.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A session on fake time whose standard error is kept. */
function open(isTTY: boolean, env: Record<string, string> = {}) {
  const startMs = vi.getMockedSystemTime()!.getTime();
  let written = '';
  const output = { isTTY, columns: 60, rows: 10, write: (text: string) => void (written += text) };
  const session = createSession(
    {
      stdout: output,
      stderr: output,
      env,
      commandName: 'galapagos',
      now: () => vi.getMockedSystemTime()!.getTime() - startMs,
      onStopSignal: () => () => {},
    },
    [],
  );
  return { session, taken: () => [written, (written = '')][0]! };
}

it('repaints a terminal in place a few times a second, and takes everything away at the end', () => {
  const { session, taken } = open(true);
  const progress = showProgress(session, { isLive: true });
  expect(progress.isLive).toBe(true);
  for (let n = 0; n < 50; n += 1) progress.show(n === 0 ? started('p-1') : finished('p-1', generation('a', n)));
  expect(taken()).toBe('');
  vi.advanceTimersByTime(1_000);
  const painted = taken();
  expect(painted.split('\x1b[J')).toHaveLength(9);
  expect(painted).toContain('g49/10');
  expect(painted).not.toContain('\x1b[?1049h');
  progress.note('stopping');
  expect(taken()).toContain('stopping');
  progress.end();
  expect(taken()).toBe('\r\x1b[4A\x1b[J');
  vi.advanceTimersByTime(1_000);
  expect(taken()).toBe('');
});

it.each([
  ['piped', false, true, {}],
  ['with --json', true, false, {}],
  ['on a dumb terminal', true, true, { TERM: 'dumb' }],
])('writes plain lines %s, and after a minute of silence says what it waits for', (_where, isTTY, isLive, env) => {
  const { session, taken } = open(isTTY, env);
  const progress = showProgress(session, { isLive });
  progress.show(started('p-1'));
  expect(taken()).toBe('p-1 started: arm paired, seed 1, 10 rounds, lineages a, b\n');
  vi.advanceTimersByTime(59_000);
  expect(taken()).toBe('');
  vi.advanceTimersByTime(61_000);
  const waiting = (time: string) =>
    `nothing finished for ${time}: waiting for p-1 a g0 (starting), p-1 b g0 (starting)\n`;
  expect(taken()).toBe(waiting('1m 00s').repeat(2));
  progress.end();
  vi.advanceTimersByTime(120_000);
  expect(taken()).toBe('');
});
