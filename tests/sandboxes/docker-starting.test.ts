import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { StartingCommands } from '../../sandboxes/docker/starting-commands.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { never, run, sandboxSpec } from '../conformance/sandbox.suite.ts';
import { dockerMissing, thingsOf } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';

const needsDocker = itNeeds('docker', await dockerMissing());

describe('who makes a container', () => {
  it('lets commands start first, each for a fifth of a second, and waits no longer than that', async () => {
    takeTheClock();
    const starting = new StartingCommands();
    const [first, second] = [{}, {}];
    const passed: string[] = [];
    const wait = (name: string, signal = never) => {
      void starting.letStart(signal).then(() => passed.push(name));
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
    const cancel = new AbortController();
    wait('cancelled', cancel.signal);
    wait('others start one after the other');
    cancel.abort();
    await advance(0);
    expect(passed.splice(0)).toEqual(['cancelled']);
    for (let i = 0; i < 4; i += 1) {
      starting.begin({});
      await advance(50);
    }
    expect(passed).toEqual(['others start one after the other']);
  });

  needsDocker(
    'does nothing while a command of another sandbox starts, and does not wait for its end',
    async () => {
      await using provider = createDockerProvider();
      const sandbox = await provider.open(sandboxSpec(), never);
      const spec = sandboxSpec({ run: parseRunId('waits') });
      const options = { signal: never, timeoutMs: 60_000, maxOutputBytes: 4_096 };
      takeTheClock();
      const command = sandbox.exec(['sleep', '5'], options);
      let hasEnded = false;
      void command.finally(() => {
        hasEnded = true;
      });
      await pause(1);
      const opening = provider.open(spec, never);
      await pause(1_000);
      expect(await thingsOf(spec.run)).toEqual([]);
      await vi.advanceTimersByTimeAsync(200);
      vi.useRealTimers();
      expect(await run(await opening, ['echo', 'works'])).toMatchObject({ stdout: 'works\n' });
      expect(hasEnded).toBe(false);
      await command;
    },
    30_000,
  );
});

function takeTheClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}
