import { spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import type { SandboxSpec } from '../../sandboxes/sandbox.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { hostilePrograms, never, run, sandboxSpec, tempDirectory, wideLimits } from '../conformance/sandbox.suite.ts';
import { itNeeds } from '../support/require-service.ts';

const provider = createBubblewrapProvider();
const status = await provider.probe();
const open = (change: Partial<SandboxSpec> = {}) =>
  provider.open(sandboxSpec({ files: hostilePrograms, ...change }), never);

const jiti = fileURLToPath(new URL('../../node_modules/.bin/jiti', import.meta.url));
const sandboxHost = fileURLToPath(new URL('../fixtures/hosts/sandbox-host.ts', import.meta.url));

describe('bubblewrap isolation', () => {
  const test = itNeeds('bubblewrap', status.usable ? null : `${status.why}; ${status.fix}`);

  test('runs as an ordinary user without any capability, and cannot get one back', async () => {
    await using sandbox = await open();
    const end = await run(sandbox, [
      'sh',
      '-c',
      'id -u; grep -E "^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)" /proc/self/status',
    ]);
    expect(end.stdout.split('\n')[0]).toBe('1000');
    expect(end.stdout.match(/^Cap\w+:\s+0{16}$/gm)).toHaveLength(4);
    expect(end.stdout).toMatch(/NoNewPrivs:\s+1/);
    expect((await run(sandbox, ['unshare', '--user', '--map-root-user', 'true'])).exitCode).not.toBe(0);
    expect((await run(sandbox, ['mount', '-t', 'tmpfs', 'x', '/tmp'])).exitCode).not.toBe(0);
  });

  test('shows the system, the workspace and a temporary directory, and nothing else of the host', async () => {
    await using sandbox = await open();
    const seen = (await run(sandbox, ['ls', '/', '/etc', '/run', '/home', '/root', '/var', '/sys'])).stdout;
    expect(seen).toMatch(/^\/:$/m);
    expect(seen).not.toMatch(/^\/(home|root|var|sys):$/m);
    // Where a gateway's socket is while there is one.
    expect((await run(sandbox, ['find', '/run', '!', '-type', 'd'])).stdout).toBe('');
    expect((await run(sandbox, ['find', '/run'])).stdout).toBe('/run\n/run/galapagos\n');
    const etc = (await run(sandbox, ['ls', '/etc'])).stdout.trim().split('\n');
    expect(etc.filter((name) => !['alternatives', 'group', 'hosts', 'ld.so.cache', 'passwd'].includes(name))).toEqual(
      [],
    );
  });

  test('sees no process but its own', async () => {
    await using sandbox = await open();
    const end = await run(sandbox, ['sh', '-c', 'ls -d /proc/[0-9]* | wc -l']);
    expect(Number(end.stdout)).toBeLessThanOrEqual(5);
  });

  test("finds another sandbox's files nowhere, proc included", async () => {
    await using other = await open({ files: new Map([['mine', textFile('needle-of-another-sandbox')]]) });
    await run(other, ['sh', '-c', 'cp mine /tmp/mine']);
    await using sandbox = await open();
    const end = await run(sandbox, [
      'node',
      'search-files.mjs',
      [...'needle-of-another'].reverse().join(''),
      '/workspace',
      '/tmp',
      '/run',
      '/etc',
      '/dev',
    ]);
    expect(end.stdout).toBe('[]\n');
    const peek = await run(sandbox, ['sh', '-c', 'cat /proc/[0-9]*/root/workspace/mine /proc/[0-9]*/cwd/mine']);
    expect(peek.stdout).toBe('');
  });

  test('writes nowhere but to the volume that is counted', async () => {
    await using sandbox = await open();
    const places = [
      '.',
      '/tmp',
      '/dev/shm',
      '/',
      '/dev',
      '/run',
      '/run/galapagos',
      '/etc',
      '/usr',
      '/usr/local',
      '/proc',
      '/var/tmp',
      '/home',
    ];
    const end = await run(sandbox, ['node', 'heavy-places.mjs', ...places]);
    expect(JSON.parse(end.stdout)).toEqual(['.', '/tmp', '/dev/shm']);
    const sized = await run(sandbox, ['sh', '-c', "df -m . /tmp /dev/shm | awk 'NR > 1 { print $2 }'"]);
    expect(sized.stdout).toBe('16\n16\n16\n');
  });

  test('cannot exhaust the host with empty files', async () => {
    await using sandbox = await open();
    const end = await run(sandbox, ['sh', '-c', "df -i . | awk 'NR > 1 { print $2 }'"]);
    expect(end.stdout).toBe('65536\n');
  });

  test('cannot open a kernel setting for writing', async () => {
    await using sandbox = await open();
    const settings = [
      '/proc/sys/kernel/core_pattern',
      '/proc/sys/kernel/hostname',
      '/proc/sys/vm/swappiness',
      '/proc/sys/user/max_user_namespaces',
      '/proc/sysrq-trigger',
    ];
    expect((await run(sandbox, ['node', 'change-kernel.mjs', ...settings])).stdout).toBe('[]\n');
    const secrets = await run(sandbox, [
      'head',
      '-c',
      '100',
      '/proc/cmdline',
      '/proc/kcore',
      '/proc/kmsg',
      '/proc/timer_list',
    ]);
    expect(secrets.stdout.replaceAll(/^==> .* <==$/gm, '').trim()).toBe('');
  });

  test('inherits no descriptor of the runtime', async () => {
    const path = join(tempDirectory(), 'held-open');
    writeFileSync(path, 'x');
    const fd = openSync(path, constants.O_RDWR);
    onTestFinished(() => closeSync(fd));
    await using sandbox = await open();
    const { descriptors } = JSON.parse((await run(sandbox, ['node', 'describe-self.mjs'])).stdout);
    const targets = Object.values(descriptors as Record<string, string>);
    expect(
      targets.filter((target) => target.startsWith('/') && target !== '/dev/null' && !target.startsWith('/proc')),
    ).toEqual([]);
    const bare = (await run(sandbox, ['sh', '-c', 'readlink /proc/self/fd/*'])).stdout.trim().split('\n');
    expect(bare.filter((target) => !/^(socket|pipe):/.test(target))).toEqual([]);
  });

  test('passes on no descriptor that the runtime was started with', async () => {
    const path = join(tempDirectory(), 'lock');
    writeFileSync(path, 'secret');
    const fd = openSync(path, constants.O_RDWR);
    // Node keeps the lower ones from its children itself.
    const script = 'readlink /proc/self/fd/20; cat /proc/self/fd/20; echo changed > /proc/self/fd/20';
    const argv = [sandboxHost, 'bubblewrap', tempDirectory(), 'sh', '-c', script];
    const host = spawn(jiti, argv, {
      stdio: ['ignore', 'pipe', 'inherit', ...Array(17).fill('ignore'), fd],
    });
    closeSync(fd);
    const [id, output] = (await text(host.stdout!)).split('\n');
    expect(id).toMatch(/^killed\./);
    expect(output).toMatch(/^socket:/);
    expect(readFileSync(path, 'utf8')).toBe('secret');
  });

  test('has an address of its own for loopback and no other interface', async () => {
    await using sandbox = await open();
    const end = await run(sandbox, ['sh', '-c', 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "']);
    expect(end.stdout).toBe('lo\n');
    expect((await run(sandbox, ['node', 'connect.mjs', '127.0.0.1', '9'])).stdout).toBe('refused: ECONNREFUSED\n');
  });

  test('keeps no shared memory between commands', async () => {
    await using sandbox = await open();
    await run(sandbox, ['ipcmk', '-M', '4096']);
    expect((await run(sandbox, ['cat', '/proc/sysvipc/shm'])).stdout.trim().split('\n')).toHaveLength(1);
  });

  test('shows a mount live, with what lies deeper in it', async () => {
    const source = tempDirectory();
    mkdirSync(join(source, 'b'));
    await using sandbox = await open({ mounts: [{ source, target: 'strategies' }] });
    writeFileSync(join(source, 'b', 'late'), 'published later');
    expect((await run(sandbox, ['cat', 'strategies/b/late'])).stdout).toBe('published later');
    expect([...(await sandbox.get(wideLimits)).keys()].some((path) => path.startsWith('strategies'))).toBe(false);
    expect(readdirSync(source)).toEqual(['b']);
  });

  test('rejects with a reason when its keeper is killed from outside, also in the middle of a command', async () => {
    await using sandbox = await open();
    const outcome = expect(run(sandbox, ['sleep', '20'])).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [holder] = readdirSync('/proc').filter((pid) => isHolder(pid, sandbox.id));
    process.kill(Number(holder), 'SIGKILL');
    await outcome;
    await expect(run(sandbox, ['true'])).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
  });
});

function isHolder(pid: string, id: string): boolean {
  if (!/^\d+$/.test(pid)) return false;
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    return line.includes('bwrap') && line.includes(id);
  } catch {
    return false;
  }
}
