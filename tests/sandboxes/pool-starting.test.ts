import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Ceiling } from '../../sandboxes/ceiling.ts';
import { createPool } from '../../sandboxes/pool.ts';
import { StartingCommands } from '../../sandboxes/starting-commands.ts';
import { createLogger } from '../../src/core/log.ts';
import { never, sandboxSpec } from '../conformance/sandbox.suite.ts';
import { createMemoryProvider } from '../support/memory-sandbox.ts';

describe('who opens a sandbox ahead', () => {
  it('lets commands start first, each for a fifth of a second, and waits no longer than that', async () => {
    takeTheClock();
    const starting = new StartingCommands();
    const [first, second] = [{}, {}];
    const passed: string[] = [];
    const wait = (name: string) => {
      void starting.letStart().then(() => passed.push(name));
    };
    const advance = (ms: number) => vi.advanceTimersByTimeAsync(ms);
    wait('nothing starts');
    await advance(0);
    expect(passed.splice(0)).toEqual(['nothing starts']);
    starting.begin(first);
    starting.begin(second);
    wait('two start');
    starting.end(first);
    await advance(199);
    expect(passed).toEqual([]);
    starting.end(second);
    await advance(0);
    expect(passed.splice(0)).toEqual(['two start']);
    starting.begin(first);
    await advance(150);
    wait('one starts anew');
    starting.begin(first);
    await advance(199);
    expect(passed).toEqual([]);
    await advance(1);
    expect(passed.splice(0)).toEqual(['one starts anew']);
    starting.begin(first);
    wait('others start one after the other');
    for (let i = 0; i < 4; i += 1) {
      starting.begin({});
      await advance(50);
    }
    expect(passed).toEqual(['others start one after the other']);
  });

  it('is a pool, which opens nothing ahead while a command starts, and does not wait for its end', async () => {
    let finish = () => {};
    const provider = createMemoryProvider(() => new Promise((resolve) => (finish = () => resolve({}))));
    const limits = { sandboxes: 9, memoryMiB: 1e6, minFreeMemoryMiB: 0 };
    await using pool = createPool({ provider, warm: 2, ceiling: new Ceiling(), limits, log: createLogger({}) });
    takeTheClock();
    const turns = async () => {
      for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
    };
    const start = async () => {
      const sandbox = await pool.open(sandboxSpec(), never);
      const command = sandbox.exec(['a'], { signal: never, timeoutMs: 60_000, maxOutputBytes: 4_096 });
      await turns();
      return command;
    };
    const slow = start();
    await turns();
    await vi.advanceTimersByTimeAsync(199);
    expect(provider.opened).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await turns();
    expect(provider.opened).toHaveLength(3);
    finish();
    await slow;
    const quick = start();
    await turns();
    expect(provider.opened).toHaveLength(3);
    finish();
    await quick;
    await turns();
    expect(provider.opened).toHaveLength(4);
    // Who puts files or connects a gateway is about to start something.
    for (const prepare of ['put', 'connect'] as const) {
      const sandbox = await pool.open(sandboxSpec(), never);
      await (prepare === 'put' ? sandbox.put(new Map()) : sandbox.connect('/nowhere'));
      const before = provider.opened.length;
      await turns();
      expect(provider.opened).toHaveLength(before);
      await vi.advanceTimersByTimeAsync(200);
      await turns();
      expect(provider.opened).toHaveLength(before + 1);
    }
  });
});

function takeTheClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}
