import { describe, expect, it } from 'vitest';
import { candidateHomes, findCgroupHome } from '../../sandboxes/bubblewrap/cgroups.ts';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { hostilePrograms, never, run, sandboxSpec } from '../conformance/sandbox.suite.ts';
import { itNeeds } from '../support/require-service.ts';

const status = await createBubblewrapProvider().probe();
const missing = status.usable ? null : `${status.why}; ${status.fix}`;
const limits = { memoryMiB: 160, cpus: 1, pids: 40, diskMiB: 4 };
const spec = sandboxSpec({ files: hostilePrograms, limits });

describe('bubblewrap limits without control groups', () => {
  const test = itNeeds('bubblewrap', missing);
  const provider = createBubblewrapProvider({ cgroups: 'never' });

  test('stops processes that take too much memory together', async () => {
    await using sandbox = await provider.open({ ...spec, limits: { ...limits, pids: 100 } }, never);
    const end = await run(sandbox, ['node', 'memory-bomb.mjs', '4', '64']);
    expect(end.stoppedBy).toBe('memory');
    expect(end.stdout).toBe('');
    expect((await run(sandbox, ['echo', 'usable'])).stdout).toBe('usable\n');
  });

  test('stops or refuses more processes than allowed', async () => {
    await using sandbox = await provider.open(spec, never);
    const end = await run(sandbox, ['sh', '-c', 'node fork-bomb.mjs 90; sleep 0.2']);
    expect(end.stoppedBy === 'policy' || Number(end.stdout) < 40).toBe(true);
    expect((await run(sandbox, ['echo', 'usable'])).stdout).toBe('usable\n');
  });

  test('stops a process that has used the processor time of its command', async () => {
    await using sandbox = await provider.open({ ...spec, limits: { ...limits, cpus: 1 / 60 } }, never);
    const end = await run(sandbox, ['sh', '-c', 'while :; do :; done'], { timeoutMs: 60_000 });
    expect(end).toMatchObject({ stoppedBy: 'timeout', exitCode: null, signal: 'SIGKILL' });
    expect(end.cpuMs).toBeLessThan(2_000);
    expect(end.peakMemoryMiB).toBeGreaterThan(0);
  }, 60_000);

  test("tells Node's heap its limit, so that it collects before the watchdog strikes", async () => {
    await using sandbox = await provider.open(spec, never);
    const end = await run(sandbox, ['node', '-p', 'process.env.NODE_OPTIONS']);
    expect(end.stdout).toBe('--max-old-space-size=160\n');
  });
});

describe('bubblewrap limits with control groups', () => {
  const test = itNeeds(
    'writable control groups',
    missing ?? (findCgroupHome() === null ? 'neither version 1 nor a delegated version 2 can be written' : null),
  );
  const provider = createBubblewrapProvider();

  test('measures processor time and peak memory of a command with all its descendants', async () => {
    await using sandbox = await provider.open(spec, never);
    const busy = 'const end = performance.now() + 120; while (performance.now() < end); Buffer.alloc(48 << 20, 1)';
    const end = await run(sandbox, ['sh', '-c', `node -e '${busy}' & wait`]);
    expect(end.cpuMs).toBeGreaterThan(80);
    expect(end.cpuMs).toBeLessThan(5_000);
    expect(end.peakMemoryMiB).toBeGreaterThan(48);
    expect(end.peakMemoryMiB).toBeLessThan(170);
    const idle = await run(sandbox, ['true']);
    expect(idle.cpuMs).toBeLessThan(end.cpuMs!);
  });
});

describe('where control groups are looked for', () => {
  it('reads version 1, where every controller has a tree of its own', () => {
    const homes = candidateHomes(
      '8:pids:/user.slice\n4:memory:/user.slice/a\n2:cpu,cpuacct:/\n0::/user.slice\n',
      [
        '33 32 0:28 / /sys/fs/cgroup/pids rw,nosuid shared:12 - cgroup cgroup rw,pids',
        '34 32 0:29 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory',
        '35 32 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
        '36 32 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate',
      ].join('\n'),
    );
    expect(Object.fromEntries(homes)).toMatchObject({
      pids: '/sys/fs/cgroup/pids/user.slice',
      memory: '/sys/fs/cgroup/memory/user.slice/a',
      cpu: '/sys/fs/cgroup/cpu,cpuacct/',
      cpuacct: '/sys/fs/cgroup/cpu,cpuacct/',
      unified: '/sys/fs/cgroup/unified/user.slice',
    });
  });

  it('reads version 2, also where a container shows only its own part of the tree', () => {
    const line = (root: string) => `30 23 0:26 ${root} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n`;
    const own = '0::/user.slice/user@1000.service/app.slice/x.scope\n';
    expect(candidateHomes(own, line('/')).get('unified')).toBe(
      '/sys/fs/cgroup/user.slice/user@1000.service/app.slice/x.scope',
    );
    expect(candidateHomes(own, line('/user.slice')).get('unified')).toBe(
      '/sys/fs/cgroup/user@1000.service/app.slice/x.scope',
    );
  });
});
