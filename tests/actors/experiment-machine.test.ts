import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startExperiment } from '../../actors/experiment/create-experiment.ts';
import { experimentMachine, type RunStatus } from '../../actors/experiment/experiment-machine.ts';
import { parseRunId, type RunId } from '../../src/core/ids.ts';
import { type Driven, drive, testEventTable } from './machine-harness.ts';

const runs = (n: number) => Array.from({ length: n }, (_, i) => parseRunId(`r${i}`));
/** Each waits for those that `after` names by number. */
const planned = (n: number, after: Readonly<Record<number, readonly number[]>> = {}) =>
  runs(n).map((run, i) => ({ run, after: (after[i] ?? []).map((other) => parseRunId(`r${other}`)) }));
const ended = (run: string, status: RunStatus = 'done') => ({ type: 'run.ended', run, status });

function start(n: number, concurrency: number, after: Readonly<Record<number, readonly number[]>> = {}): Driven {
  return drive(experimentMachine, ['executeRun'], { input: { runs: planned(n, after), concurrency } });
}

async function reach(state: string): Promise<Driven> {
  return start(state === 'ended' ? 0 : 3, 1);
}

testEventTable({
  machine: experimentMachine,
  events: { 'run.ended': ended('r0'), 'experiment.cancelled': { type: 'experiment.cancelled' } },
  rows: {
    running: {
      'run.ended': { to: 'running', emits: [] },
      'experiment.cancelled': { to: 'running', emits: [] },
    },
    ended: 'final',
  },
  reach,
});

const started = (driven: Driven) => driven.operations.map((o) => (o.input as { run: string }).run);

it('I1: keeps at most `concurrency` runs active, and starts the next as one ends', () => {
  const driven = start(4, 2);
  expect(started(driven)).toEqual(['r0', 'r1']);
  driven.send(ended('r1'));
  expect(started(driven)).toEqual(['r0', 'r1', 'r2']);
  expect(driven.context().active).toEqual(['r0', 'r2']);
});

it('I2: starts every run once and ends it in one status; a failed one does not stop the others', () => {
  const driven = start(3, 1);
  driven.send(ended('r0', 'failed'));
  driven.send(ended('r1', 'stopped'));
  driven.send(ended('r2'));
  expect(started(driven)).toEqual(['r0', 'r1', 'r2']);
  expect(driven.state()).toBe('ended');
  expect(driven.context().ended).toEqual([
    { run: 'r0', status: 'failed' },
    { run: 'r1', status: 'stopped' },
    { run: 'r2', status: 'done' },
  ]);
});

it('I2: counts a run that is said to have ended twice, or never ran, once or not at all', () => {
  const driven = start(2, 2);
  driven.send(ended('r0'));
  driven.send(ended('r0', 'failed'));
  driven.send(ended('stranger'));
  expect(driven.context().ended).toEqual([{ run: 'r0', status: 'done' }]);
  expect(driven.state()).toBe('running');
});

it('I3: starts no further run after it was cancelled, and ends when the active ones have', () => {
  const driven = start(4, 2);
  driven.send({ type: 'experiment.cancelled' });
  driven.send(ended('r0', 'stopped'));
  expect(driven.state()).toBe('running');
  expect(driven.operations.some((o) => o.signal.aborted)).toBe(false);
  driven.send(ended('r1', 'stopped'));
  expect(driven.state()).toBe('ended');
  expect(started(driven)).toEqual(['r0', 'r1']);
  expect(driven.context().pending).toEqual(planned(4).slice(2));
});

it('I4: keeps a context that survives JSON while runs come and go', () => {
  const driven = start(3, 2);
  for (const run of ['r0', 'r1', 'r2']) {
    expect(JSON.parse(JSON.stringify(driven.context()))).toStrictEqual(driven.context());
    driven.send(ended(run));
  }
});

it('I5: starts a run after those that it waits for have ended, however they did, and others before it', () => {
  const driven = start(4, 2, { 0: [1, 3] });
  expect(started(driven)).toEqual(['r1', 'r2']);
  driven.send(ended('r2'));
  expect(started(driven)).toEqual(['r1', 'r2', 'r3']);
  driven.send(ended('r1', 'failed'));
  expect(started(driven)).toEqual(['r1', 'r2', 'r3']);
  driven.send(ended('r3'));
  expect(started(driven)).toEqual(['r1', 'r2', 'r3', 'r0']);
  driven.send(ended('r0'));
  expect(driven.state()).toBe('ended');
});

it('I5: does not wait for a run that is not of this experiment', () => {
  expect(started(start(1, 1, { 0: [7] }))).toEqual(['r0']);
});

it('I3 I5: ends when it was cancelled while a run waits for one that ended', () => {
  const driven = start(2, 1, { 1: [0] });
  driven.send({ type: 'experiment.cancelled' });
  driven.send(ended('r0'));
  expect(driven.state()).toBe('ended');
  expect(started(driven)).toEqual(['r0']);
});

describe('as an actor', () => {
  it('I1 I2: whatever the order in which runs end, each is executed once, within the limit', async () => {
    const scenario = fc.record({
      n: fc.nat(12),
      concurrency: fc.integer({ min: 1, max: 5 }),
      picks: fc.array(fc.nat()),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ n, concurrency, picks }) => {
        const open = new Map<RunId, (status: RunStatus) => void>();
        const executed: RunId[] = [];
        let peak = 0;
        const actor = startExperiment({
          runs: planned(n),
          concurrency,
          execute: (run) => {
            executed.push(run);
            return new Promise((resolve) => {
              open.set(run, resolve);
              peak = Math.max(peak, open.size);
            });
          },
        });
        for (let i = 0; open.size > 0; i += 1) {
          const run = [...open.keys()][(picks[i % Math.max(1, picks.length)] ?? 0) % open.size]!;
          const settle = open.get(run)!;
          open.delete(run);
          settle('done');
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect((await actor.ended).map((e) => e.run).sort()).toEqual([...runs(n)].sort());
        expect(executed).toEqual(runs(n));
        expect(peak).toBe(Math.min(n, concurrency));
      }),
      { numRuns: 50 },
    );
  });

  it('I3: cancelled before the first run has ended, resolves with that run alone', async () => {
    let end: (status: RunStatus) => void = () => {};
    const execute = () =>
      new Promise<RunStatus>((resolve) => {
        end = resolve;
      });
    const actor = startExperiment({ runs: planned(3), concurrency: 1, execute });
    actor.cancel();
    end('stopped');
    expect(await actor.ended).toEqual([{ run: 'r0', status: 'stopped' }]);
  });
});
