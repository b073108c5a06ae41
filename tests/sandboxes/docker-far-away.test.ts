import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { hostilePrograms, never, run, sandboxSpec, tempDirectory, wideLimits } from '../conformance/sandbox.suite.ts';
import { dockerMissing } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';

const missing = await dockerMissing();
const limits = { memoryMiB: 160, cpus: 1, pids: 100, diskMiB: 8 };

/** An engine on another machine: nothing of this host's processes and sockets means anything there. */
describe('a docker sandbox whose engine is far away', () => {
  const test = itNeeds('docker', missing);
  const provider = createDockerProvider({ counters: 'never' });
  const open = (files = hostilePrograms) => provider.open(sandboxSpec({ files, limits }), never);

  test('does not claim to have measured', async () => {
    await using sandbox = await open();
    const end = await run(sandbox, ['true']);
    expect(end).toMatchObject({ exitCode: 0, cpuMs: null, peakMemoryMiB: null, bytesWritten: null });
  });

  test('learns from the engine that memory ran out', async () => {
    await using sandbox = await open();
    expect((await run(sandbox, ['node', 'memory-bomb.mjs', '4', '64'])).stoppedBy).toBe('memory');
    expect((await run(sandbox, ['echo', 'usable'])).stoppedBy).toBe('exit');
  });

  test('kills what outlives a command all the same', async () => {
    await using sandbox = await open();
    const held = await run(sandbox, ['sh', '-c', 'setsid sleep 30 & echo main is done']);
    expect(held).toMatchObject({ exitCode: 0, stoppedBy: 'exit', stdout: 'main is done\n' });
    // The engine itself waits for two seconds.
    expect(held.wallMs).toBeLessThan(1_500);
    expect((await run(sandbox, ['node', 'daemon.mjs'])).stdout).toBe('left a daemon\n');
    const beats = async () => (await sandbox.get(wideLimits)).get('beat')!.bytes.length;
    expect(await beats()).toBe(await beats());
    expect((await run(sandbox, ['sleep', '30'], { timeoutMs: 200 })).stoppedBy).toBe('timeout');
  });

  /** A gateway that answers each connection with what it was sent, turned round. */
  const startGateway = async (onConnection: (socket: Socket) => void) => {
    const socket = join(tempDirectory(), 'g.sock');
    const server = createServer({ allowHalfOpen: true }, onConnection);
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    onTestFinished(() => void server.close());
    return socket;
  };

  test('reaches the gateway through the engine, many times at once, byte for byte, however late it reads the answers', async () => {
    const gateway = await startGateway((socket) => socket.pipe(socket));
    const program = `
      import { connect } from 'node:net';
      import { randomBytes } from 'node:crypto';
      const ask = (size) => new Promise((resolve, reject) => {
        const sent = randomBytes(size), got = [];
        const socket = connect({ path: process.env.GALAPAGOS_GATEWAY, allowHalfOpen: true });
        socket.on('end', () => resolve(Buffer.concat(got).equals(sent))).on('error', reject);
        socket.end(sent);
        setTimeout(() => socket.on('data', (d) => got.push(d)), 300);
      });
      const answers = await Promise.all([0, 1, 1000, 70_000, 3_000_000, ...Array(20).fill(5_000)].map(ask));
      console.log(answers.length, answers.every(Boolean));`;
    await using sandbox = await open(new Map([...hostilePrograms, ['many.mjs', textFile(program)]]));
    expect((await run(sandbox, ['node', 'ask-gateway.mjs'])).stdout).toBe('no gateway\n');
    await sandbox.connect(gateway);
    for (let i = 0; i < 2; i += 1) expect((await run(sandbox, ['node', 'many.mjs'])).stdout).toBe('25 true\n');
    expect([...(await sandbox.get(wideLimits)).keys()].filter((path) => path.includes('sock'))).toEqual([]);
    await sandbox.connect(null);
    expect((await run(sandbox, ['node', 'ask-gateway.mjs'])).stdout).toBe('no gateway\n');
  });

  test('lets go of its connections to the gateway when the command ends, and has a limit on them', async () => {
    const connected = new Set<Socket>();
    let most = 0;
    const gateway = await startGateway((socket) => {
      connected.add(socket);
      most = Math.max(most, connected.size);
      socket.on('error', () => {}).on('close', () => connected.delete(socket));
      socket.on('end', () => socket.destroy()).resume();
    });
    const program = `
      import { connect } from 'node:net';
      for (let i = 0; i < 400; i += 1) connect(process.env.GALAPAGOS_GATEWAY).on('error', () => {});
      setTimeout(() => process.exit(5), 1500);`;
    await using sandbox = await open(new Map([['hold.mjs', textFile(program)]]));
    await sandbox.connect(gateway);
    expect((await run(sandbox, ['node', 'hold.mjs'])).exitCode).toBe(5);
    expect(most).toBeGreaterThan(100);
    expect(most).toBeLessThanOrEqual(256);
    await expect.poll(() => connected.size).toBe(0);
  });

  test('is not disturbed by a candidate that speaks in the name of what passes the gateway on', async () => {
    const gateway = await startGateway((socket) => socket.end('answer'));
    const forge = `
      import { readdirSync, readFileSync, writeSync, openSync } from 'node:fs';
      for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid)) {
        for (const noise of [Buffer.alloc(100_000, 255), Buffer.from([2, 0, 0, 0, 9, 0, 0, 0, 1, 7])]) {
          try { writeSync(openSync('/proc/' + pid + '/fd/1', 'w'), noise); console.log('wrote'); } catch {}
        }
      }`;
    await using sandbox = await open(new Map([...hostilePrograms, ['forge.mjs', textFile(forge)]]));
    await sandbox.connect(gateway);
    expect((await run(sandbox, ['node', 'forge.mjs'])).exitCode).toBe(0);
    expect((await run(sandbox, ['node', 'ask-gateway.mjs'])).stdout).toBe('gateway: answer\n');
  });
});
