import { spawn } from 'node:child_process';
import { chownSync, existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { hostilePrograms, never, run, sandboxSpec, tempDirectory } from '../conformance/sandbox.suite.ts';
import { dockerMissing } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';

const missing = await dockerMissing();
const limits = { memoryMiB: 160, cpus: 1, pids: 100, diskMiB: 8 };
const spec = sandboxSpec({ files: hostilePrograms, limits });

describe('what a docker sandbox measures', () => {
  const isLocalRoot = process.getuid?.() === 0 && existsSync('/sys/fs/cgroup');
  const test = itNeeds('docker, and root beside its engine', missing ?? (isLocalRoot ? null : 'not root in Linux'));
  const provider = createDockerProvider();

  test('is processor time and peak memory of a command with all its descendants', async () => {
    await using sandbox = await provider.open(spec, never);
    const busy = 'while (process.cpuUsage().user < 120_000); Buffer.alloc(48 << 20, 1)';
    const end = await run(sandbox, ['sh', '-c', `node -e '${busy}' & wait`]);
    expect(end.cpuMs).toBeGreaterThan(120);
    expect(end.cpuMs).toBeLessThan(5_000);
    expect(end.peakMemoryMiB).toBeGreaterThan(48);
    expect(end.peakMemoryMiB).toBeLessThan(170);
    const idle = await run(sandbox, ['true']);
    expect(idle.cpuMs).toBeLessThan(end.cpuMs!);
    expect(idle.peakMemoryMiB).toBeLessThan(end.peakMemoryMiB!);
  });

  test('is what was written by a command, its children and its daemons, and nothing of the runtime', async () => {
    await using sandbox = await provider.open(spec, never);
    expect((await run(sandbox, ['true'])).bytesWritten).toBe(0);
    expect((await run(sandbox, ['head', '-c', '100000', '/dev/zero'], { maxOutputBytes: 200_000 })).bytesWritten).toBe(
      100_000,
    );
    const child = 'head -c 200000 /dev/zero > a';
    const daemon = '(setsid sh -c "head -c 300000 /dev/zero > b; exec sleep 20" > /dev/null 2>&1 &)';
    const wait = 'while [ "$(stat -c %s b 2> /dev/null)" != 300000 ]; do sleep 0.01; done';
    const end = await run(sandbox, ['sh', '-c', `${child}; ${daemon}; ${wait} 2> /dev/null; head -c 1 /dev/zero`]);
    const sizesAsked = end.bytesWritten! - 500_001;
    // `stat` prints a line each time it is asked.
    expect(sizesAsked).toBeGreaterThan(0);
    expect(sizesAsked).toBeLessThan(5_000);
    expect((await run(sandbox, ['true'])).bytesWritten).toBe(0);
  });
});

describe('a docker sandbox of an ordinary user', () => {
  const socket = '/var/run/docker.sock';
  const isAble = process.getuid?.() === 0 && existsSync(socket);
  const test = itNeeds(
    'docker, and root to become somebody else',
    missing ?? (isAble ? null : `not root beside ${socket}`),
  );

  test('needs no more than the group that may use the engine', async () => {
    const scratch = tempDirectory();
    chownSync(scratch, 12_345, 12_345);
    const host = fileURLToPath(new URL('../fixtures/hosts/sandbox-host.ts', import.meta.url));
    const jiti = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
    const child = spawn(process.execPath, [jiti, host, 'docker', scratch, 'sh', '-c', 'id -u; cat /proc/1/comm'], {
      ...{ uid: 12_345, gid: statSync(socket).gid, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] },
      env: { PATH: process.env.PATH, HOME: scratch, JITI_FS_CACHE: 'false' },
    });
    let out = '';
    child.stdout!.on('data', (chunk: Buffer) => (out += chunk));
    await new Promise((resolve) => child.once('close', resolve));
    expect(out.split('\n').slice(1, 3)).toEqual(['1000', 'sh']);
  }, 60_000);
});
