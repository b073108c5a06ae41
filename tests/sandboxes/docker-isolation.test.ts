import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import type { SandboxSpec } from '../../sandboxes/sandbox.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { hostilePrograms, never, run, sandboxSpec, tempDirectory, wideLimits } from '../conformance/sandbox.suite.ts';
import { dockerMissing, engine, thingsOf } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';

const provider = createDockerProvider();
const missing = await dockerMissing(provider);
const open = (change: Partial<SandboxSpec> = {}) =>
  provider.open(sandboxSpec({ files: hostilePrograms, ...change }), never);
const MiB = 2 ** 20;

describe('a docker sandbox', () => {
  const test = itNeeds('docker', missing);

  test('is what the engine was asked for: nothing granted, everything limited', async () => {
    await using sandbox = await open();
    const { Config, HostConfig, Mounts } = await engine.getContainer(sandbox.id).inspect();
    expect(Config.User).toBe('1000:1000');
    expect(HostConfig).toMatchObject({
      ...{ Privileged: false, CapDrop: ['ALL'], CapAdd: null, ReadonlyRootfs: true, NetworkMode: 'none' },
      ...{ IpcMode: 'private', PidMode: '', UTSMode: '', UsernsMode: '', Devices: null, VolumesFrom: null },
      ...{ Memory: 208 * MiB, MemorySwap: 208 * MiB, PidsLimit: 66, CpuQuota: 200_000, CpuPeriod: 100_000 },
      ...{ AutoRemove: true, ShmSize: 2 * MiB },
    });
    const [gains, filter, ...others] = HostConfig.SecurityOpt;
    expect([gains, others]).toEqual(['no-new-privileges', []]);
    expect(filter).toMatch(/^seccomp=\{"defaultAction":"SCMP_ACT_ERRNO"/);
    expect(Mounts.filter(({ RW }) => RW)).toEqual([]);
  });

  test('runs as an ordinary user without any capability, behind a filter of system calls', async () => {
    await using sandbox = await open();
    const status = 'id -u; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status';
    const { stdout } = await run(sandbox, ['sh', '-c', status]);
    expect(stdout.split('\n')[0]).toBe('1000');
    expect(stdout.match(/^Cap\w+:\s+0{16}$/gm)).toHaveLength(5);
    expect(stdout).toMatch(/NoNewPrivs:\s+1/);
    expect(stdout).toMatch(/Seccomp:\s+2/);
  });

  test('writes nowhere but to what is counted, and that is no more than the limit', async () => {
    await using sandbox = await open();
    const places = [
      ...['.', '/tmp', '/dev/shm', '/', '/dev', '/run', '/run/galapagos', '/etc', '/usr/local', '/proc', '/var/tmp'],
      ...['/home', '/root', '/sys/fs/cgroup', '/usr/local/lib/galapagos', '/mnt', '/opt', '/srv', '/var/lib'],
    ];
    const end = await run(sandbox, ['node', 'heavy-places.mjs', ...places]);
    expect(JSON.parse(end.stdout)).toEqual(['.', '/tmp', '/dev/shm']);
    const sizes = await run(sandbox, ['sh', '-c', "df -m . /tmp /dev/shm | awk 'NR > 1 { print $1, $2 }'"]);
    expect(sizes.stdout).toBe('tmpfs 10\ntmpfs 4\nshm 2\n');
    const inodes = await run(sandbox, ['sh', '-c', "df -i . /tmp | awk 'NR > 1 { print $2 }'"]);
    expect(inodes.stdout).toBe('49152\n16384\n');
  });

  test('cannot reach the memory, the input or the environment of the process that keeps it, nor of the one that reports', async () => {
    await using sandbox = await open();
    const ways = ['mem', 'fd/0', 'fd/1', 'fd/2', 'fd/4', 'environ', 'maps', 'cwd/workspace', 'root/workspace', 'exe'];
    const attempts = (pid: string) => ways.map((way) => `head -c 1 /proc/${pid}/${way} > /dev/null && echo ${way}`);
    const tried = [...attempts('1'), ...attempts('$PPID')].join('; ');
    expect((await run(sandbox, ['sh', '-c', `{ ${tried}; } 2> /dev/null; cat /proc/$PPID/cmdline`])).stdout).toMatch(
      /^\/usr\/local\/lib\/galapagos\/sh\0-c\0n=/,
    );
    // Signals of its own namespace: it takes none that would end it.
    await run(sandbox, ['sh', '-c', 'for s in 9 $(seq 1 64); do kill -$s 1; done']);
    expect((await run(sandbox, ['echo', 'usable'])).stdout).toBe('usable\n');
  });

  test('reports how a command ended, whatever it sends to its group, to its parent or through its output', async () => {
    await using sandbox = await open();
    const status = async (script: string) => run(sandbox, ['bash', '-c', script]);
    const all = 'HUP INT QUIT PIPE ALRM TERM USR1 USR2';
    expect(await status(`trap '' ${all}; for s in ${all}; do kill -$s 0; done; exit 7`)).toMatchObject({ exitCode: 7 });
    expect(await status('kill -TERM 0; sleep 9')).toMatchObject({ exitCode: null, signal: 'SIGTERM', stderr: '' });
    const forged = await status(`printf '\\036%s\\n' 4503599627370496 | tee /dev/stderr; exit 3`);
    expect(forged).toMatchObject({ exitCode: 3, stdout: '\x1e4503599627370496\n', stderr: '\x1e4503599627370496\n' });
    // Who kills the shell that reports is killed with it, and has nothing measured.
    const killer = await status('kill -9 $PPID; sleep 0.2; echo more; exit 0');
    expect(killer).toMatchObject({ exitCode: null, signal: 'SIGKILL', stoppedBy: 'exit', bytesWritten: null });
    expect((await status('kill -STOP $PPID; exit 0')).stoppedBy).toBe('timeout');
    expect((await run(sandbox, ['echo', 'usable'])).stdout).toBe('usable\n');
  });

  test('reports no other end when a command takes the report out of its pipes and puts one of its own in', async () => {
    await using sandbox = await open();
    // Whoever reads first has it; in most tries that is the command.
    let isTaken = false;
    for (let tries = 0; tries < 10 && !isTaken; tries += 1) {
      const end = await run(sandbox, ['python3', 'takes-report.py'], { timeoutMs: 3_000 });
      expect([end.exitCode, end.stoppedBy]).not.toEqual([0, 'exit']);
      const taken = (await sandbox.get(wideLimits)).get('taken');
      isTaken = taken !== undefined && /\x1e\d+\n/.test(Buffer.from(taken.bytes).toString('latin1'));
    }
    expect(isTaken).toBe(true);
    expect((await run(sandbox, ['echo', 'usable'])).stdout).toBe('usable\n');
  }, 60_000);

  test('tells nothing of how the host finds names, nor what the host is called', async () => {
    await using sandbox = await open();
    const { stdout } = await run(sandbox, ['sh', '-c', 'hostname; cat /etc/resolv.conf; cut -f2 /etc/hosts']);
    expect(stdout.split('\n')[0]).toBe('sandbox');
    expect(stdout.match(/^nameserver .*$/gm)).toEqual(['nameserver 192.0.2.1']);
    expect(stdout).not.toMatch(/^search (?!\.$)/m);
  });

  test('keeps no shared memory between commands', async () => {
    await using sandbox = await open();
    expect((await run(sandbox, ['ipcmk', '-M', '4096'])).exitCode).toBe(0);
    expect((await run(sandbox, ['cat', '/proc/sysvipc/shm'])).stdout.trim().split('\n')).toHaveLength(1);
  });

  test('stays usable when a command has closed or removed its own directories', async () => {
    await using sandbox = await open();
    await run(sandbox, ['sh', '-c', 'rm -rf /tmp /workspace; echo kept > kept; chmod 0 /tmp /workspace']);
    expect((await run(sandbox, ['sh', '-c', 'cat kept; echo x > /tmp/x && ls /tmp'])).stdout).toBe('kept\nx\n');
    await run(sandbox, ['chmod', '0', '/workspace']);
    await expect(sandbox.put(new Map([['after', textFile('1')]]))).resolves.toBeUndefined();
    expect((await sandbox.get(wideLimits)).has('after')).toBe(true);
  });

  test('shows a workspace in which nothing is but what was put there, and keeps temporary files out of it', async () => {
    await using sandbox = await open({ files: new Map([['a', textFile('x')]]) });
    await run(sandbox, ['touch', '/tmp/x']);
    expect((await run(sandbox, ['ls', '-A'])).stdout).toBe('a\n');
    expect([...(await sandbox.get(wideLimits)).keys()]).toEqual(['a']);
  });

  test('shows a mount live where its user may read it, and else as it was', async () => {
    const readable = join(tempDirectory(), 'a*b');
    mkdirSync(readable);
    chmodSync(readable, 0o755);
    const closed = tempDirectory();
    writeFileSync(join(closed, 'early'), 'early', { mode: 0o600 });
    const mounts = [
      { source: readable, target: 'a*b' },
      { source: closed, target: 'closed' },
    ];
    await using sandbox = await open({ files: new Map([['aXb', textFile('not a mount')]]), mounts });
    writeFileSync(join(readable, 'late'), 'late');
    expect((await run(sandbox, ['cat', 'a*b/late', 'closed/early'])).stdout).toBe('lateearly');
    expect([...(await sandbox.get(wideLimits)).keys()]).toEqual(['aXb']);
  });

  test('stops reading a huge tree at once', async () => {
    await using sandbox = await open({ limits: { memoryMiB: 256, cpus: 2, pids: 64, diskMiB: 256 } });
    const fill = 'for i in $(seq 200); do head -c 1000000 /dev/zero > big-$i; done; truncate -s 200M a-sparse-one';
    await run(sandbox, ['sh', '-c', fill], { timeoutMs: 20_000 });
    const started = performance.now();
    await expect(sandbox.get(wideLimits)).rejects.toThrow(/takes the tree past|has 209715200 bytes/);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect((await run(sandbox, ['sh', '-c', 'ls -d /proc/[0-9]* | wc -l'])).stdout.trim()).toMatch(/^[1-5]$/);
  });

  test('takes every argument that a program can be given', async () => {
    await using sandbox = await open();
    const words = [
      'a=b',
      '',
      '-x',
      '--',
      "it's",
      '"$n"',
      '$n',
      'a\nb\n',
      '\\',
      '\t',
      '\u0081\u0080\u00ff',
      '€'.repeat(40_000),
    ];
    const end = await run(
      sandbox,
      ['node', '-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--', ...words],
      {
        maxOutputBytes: MiB,
      },
    );
    expect(JSON.parse(end.stdout)).toEqual(words);
    const named = new Map([['a=b', textFile('#!/bin/sh\necho "ran $1"\n', true)]]);
    await sandbox.put(named);
    expect((await run(sandbox, ['./a=b', 'x'])).stdout).toBe('ran x\n');
    expect(await run(sandbox, [])).toMatchObject({ exitCode: 127, stoppedBy: 'exit' });
  });
});

describe('an internal network', () => {
  const test = itNeeds('docker', missing);
  const serve = `import { createServer } from 'node:net';
    createServer((s) => s.end('hello from a peer')).listen(5000, () => console.log('listening'));`;
  const files = new Map([...hostilePrograms, ['serve.mjs', textFile(serve)]]);

  test('joins the sandboxes of one run under one name, and leads nowhere else', async () => {
    const network = { files, network: 'team', run: parseRunId('net-one') };
    const sandboxes = [await open(network), await open(network)] as const;
    const other = await open({ ...network, run: parseRunId('net-two') });
    const [first, second] = sandboxes;
    const stop = new AbortController();
    const serving = run(first, ['node', 'serve.mjs'], { signal: stop.signal, timeoutMs: 30_000 });
    const connect = async (from: typeof first, host: string, port: number) =>
      (await run(from, ['node', 'connect.mjs', host, String(port)])).stdout;
    await expect
      .poll(() => connect(second, first.id, 5000), { timeout: 15_000 })
      .toBe('connected: hello from a peer\n');
    const { NetworkSettings } = await engine.getContainer(first.id).inspect();
    const { IPAddress, Gateway } = Object.values(NetworkSettings.Networks)[0]!;
    expect(await connect(second, IPAddress, 5000)).toBe('connected: hello from a peer\n');
    // Not from another run's network of the same name.
    expect(await connect(other, IPAddress, 5000)).toMatch(/^refused: /);
    expect(await connect(other, first.id, 5000)).toMatch(/^refused: /);
    // Not to the host: by any of its addresses, nor by the one its bridge would have.
    const server = createServer((socket) => socket.end('hello from the host')).listen(0, '::');
    onTestFinished(() => void server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const own = Object.values(networkInterfaces()).flatMap((list) => list!.map(({ address }) => address));
    const bridge = IPAddress.replace(/\d+$/, '1');
    for (const address of new Set(
      [...own, bridge, Gateway, '127.0.0.1'].filter((text) => text !== '' && !text.includes(':')),
    )) {
      expect(await connect(second, address, port), address).toMatch(/^refused: /);
    }
    const interfaces = await run(second, ['cat', '/proc/net/if_inet6']);
    expect(interfaces.stdout.split('\n').filter((line) => line !== '' && !line.endsWith(' lo'))).toEqual([]);
    stop.abort();
    await serving;
    for (const sandbox of [...sandboxes, other]) await sandbox[Symbol.asyncDispose]();
    expect([...(await thingsOf('net-one')), ...(await thingsOf('net-two'))]).toEqual([]);
  }, 60_000);

  test('asks no name server of the host', async () => {
    await using sandbox = await open({ files, network: 'team', run: parseRunId('net-names') });
    const { HostConfig } = await engine.getContainer(sandbox.id).inspect();
    expect(HostConfig.Dns).toEqual(['192.0.2.1']);
    const { stdout } = await run(sandbox, ['cat', '/etc/resolv.conf']);
    expect(stdout.match(/^nameserver .*$/gm)).toEqual(['nameserver 127.0.0.11']);
    const lookup = `require('dns').promises.resolve4('example.com').then(console.log, (e) => console.log(e.code))`;
    expect((await run(sandbox, ['node', '-e', lookup], { timeoutMs: 3_000 })).stdout).toMatch(/^(E\w+\n)?$/);
  });
});
