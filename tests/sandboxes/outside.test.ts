import { lstatSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { Ceiling } from '../../sandboxes/ceiling.ts';
import { createPool } from '../../sandboxes/pool.ts';
import type { Sandbox } from '../../sandboxes/sandbox.ts';
import { createLogger } from '../../src/core/log.ts';
import { never, run, sandboxSpec } from '../conformance/sandbox.suite.ts';
import { itNeeds } from '../support/require-service.ts';

const status = await createBubblewrapProvider().probe();
const itNeedsBubblewrap = itNeeds('bubblewrap', status.usable ? null : `${status.why}; ${status.fix}`);

async function opened(): Promise<Sandbox> {
  const sandbox = await createBubblewrapProvider().open(sandboxSpec(), never);
  onTestFinished(() => sandbox[Symbol.asyncDispose]());
  return sandbox;
}

describe('what commands can write, seen from outside', () => {
  itNeedsBubblewrap('is the very same files and the very same free space', async () => {
    const sandbox = await opened();
    const script =
      'for d in /workspace /tmp /dev/shm; do echo inside > $d/in; done; head -c 1000000 /dev/zero > /tmp/fill';
    await run(sandbox, ['sh', '-c', script]);
    const available = await sandbox.outside!((places) => {
      expect(places.map(({ inside }) => inside)).toEqual(['/workspace', '/tmp', '/dev/shm']);
      for (const { outside } of places) {
        expect(readFileSync(`${outside}/in`, 'utf8')).toBe('inside\n');
        writeFileSync(`${outside}/out`, 'outside\n');
      }
      expect(new Set(places.map(({ outside }) => lstatSync(outside).dev)).size).toBe(1);
      const { bavail, bsize } = statfsSync(places[0]!.outside);
      return bavail * bsize;
    });
    const seen = await run(sandbox, ['sh', '-c', 'cat /workspace/out /tmp/out /dev/shm/out; stat -fc "%a %S" /tmp']);
    const [blocks, size] = seen.stdout.trim().split('\n').at(-1)!.split(' ').map(Number);
    expect(seen.stdout).toContain('outside\noutside\noutside\n');
    expect(available).toBe(blocks! * size!);
  });

  itNeedsBubblewrap('is lent while no command runs, and not after the end', async () => {
    const sandbox = await opened();
    const order: string[] = [];
    const command = run(sandbox, ['sh', '-c', 'sleep 0.2; echo x > /tmp/late']).then(() => order.push('command'));
    const look = sandbox.outside!((places) => order.push(readFileSync(`${places[1]!.outside}/late`, 'utf8').trim()));
    await Promise.all([command, look]);
    expect(order).toEqual(['command', 'x']);
    await sandbox[Symbol.asyncDispose]();
    await expect(sandbox.outside!(() => {})).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
  });

  itNeedsBubblewrap('is passed on by a pool', async () => {
    const limits = { sandboxes: 4, memoryMiB: 1e6, minFreeMemoryMiB: 0 };
    const provider = createBubblewrapProvider();
    const pool = createPool({
      provider,
      warm: 0,
      ceiling: new Ceiling(),
      limits,
      log: createLogger({ level: 'silent' }),
    });
    onTestFinished(async () => pool[Symbol.asyncDispose]());
    const sandbox = await pool.open(sandboxSpec(), never);
    expect(await sandbox.outside!((places) => places.length)).toBe(3);
  });
});
