import { createHash } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { behindForwarder } from '../../sandboxes/gateway/http-forwarder.ts';
import type { Sandbox } from '../../sandboxes/sandbox.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { run, sandboxSpec, tempDirectory } from '../conformance/sandbox.suite.ts';
import { eventually, startGateway } from '../support/gateway.ts';
import { itNeeds } from '../support/require-service.ts';
import { sandboxProviders } from '../support/sandbox-providers.ts';
import { createScriptedModel } from '../support/scripted-model.ts';

const megabytes = 8;
const body = Buffer.alloc(megabytes * 2 ** 20, 'all the bytes there are, in an order that shows ');
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Sends everything, closes its half, and only then reads: prints the SHA-256 of what came. */
const echoClient = `
const { connect } = require('node:net');
const { createHash } = require('node:crypto');
const { port } = new URL(process.env.OPENAI_BASE_URL);
const body = Buffer.alloc(${megabytes} * 2 ** 20, 'all the bytes there are, in an order that shows ');
const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
socket.pause();
socket.end(body, () => {
  const hash = createHash('sha256');
  socket.on('data', (chunk) => hash.update(chunk)).on('end', () => console.log(hash.digest('hex'))).resume();
});
`;

/** Opens connections, asks, and ends without waiting for an answer; \`how\` is a statement. */
const leaver = (how: string) => `
const { connect } = require('node:net');
const { port } = new URL(process.env.OPENAI_BASE_URL);
let open = 0;
for (let i = 0; i < 20; i += 1) connect(port, '127.0.0.1', function () {
  this.on('error', () => {}).write('half a requ', () => { if ((open += 1) === 20) { ${how} } });
});
`;

async function listen(onConnection: (peer: Socket) => void): Promise<{ path: string; server: Server }> {
  const path = join(tempDirectory(), 'g.sock');
  const server = createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return { path, server };
}

describe.each(sandboxProviders)('the gateway over HTTP on loopback: %s', (name, create, missing) => {
  const test = itNeeds(name, missing);

  async function open(socket: string | null, files: Record<string, string> = {}): Promise<Sandbox> {
    const provider = create();
    onTestFinished(() => provider[Symbol.asyncDispose]());
    const tree = new Map(Object.entries(files).map(([path, text]) => [path, textFile(text)] as const));
    const sandbox = await provider.open(sandboxSpec({ files: tree }), new AbortController().signal);
    onTestFinished(() => sandbox[Symbol.asyncDispose]());
    await sandbox.connect(socket);
    return sandbox;
  }

  test('is found by a client that only reads the usual variables', async () => {
    const { gateway } = await startGateway(createScriptedModel(() => 'fine'));
    const ask = `
      const headers = { authorization: 'Bearer ' + process.env.OPENAI_API_KEY };
      const answer = await fetch(process.env.OPENAI_BASE_URL + '/models', { headers });
      console.log(process.env.OPENAI_API_KEY, answer.status, (await answer.json()).data[0].id);`;
    const sandbox = await open(gateway.socketPath, { 'ask.mjs': ask });
    expect(await run(sandbox, behindForwarder(['node', 'ask.mjs']))).toMatchObject({
      exitCode: 0,
      stdout: 'sandbox 200 base\n',
      stderr: '',
    });
  });

  test.each([
    ['a success', ['node', '-e', 'console.log(process.argv.slice(1))', 'a b', '--', '-c', ''], ''],
    ['a status', ['sh', '-c', 'echo out; echo err >&2; exit 3'], ''],
    ['a signal', ['sh', '-c', 'kill -TERM $$'], ''],
    ['a signal that cannot be caught', ['sh', '-c', 'kill -KILL $$'], ''],
    ['its input', ['cat'], 'x'.repeat(300_000)],
    ['an input that nobody reads', ['true'], 'x'.repeat(300_000)],
  ])('leaves a command as it was: %s', async (_what, argv, stdin) => {
    const { path } = await listen((peer) => void peer.end());
    const sandbox = await open(path);
    const options = { stdin, maxOutputBytes: 1_000_000 };
    const { wallMs: _, cpuMs: _c, peakMemoryMiB: _p, bytesWritten: _b, ...direct } = await run(sandbox, argv, options);
    expect(await run(sandbox, behindForwarder(argv), options)).toMatchObject(direct);
  });

  test('reports a program that does not exist as 127', async () => {
    const { path } = await listen((peer) => void peer.end());
    const sandbox = await open(path);
    const { exitCode, stderr } = await run(sandbox, behindForwarder(['no-such-program']));
    expect(exitCode).toBe(127);
    expect(stderr).toContain('no-such-program');
  });

  test('carries every byte both ways to a client that closes its half first', async () => {
    const { path } = await listen((peer) => {
      const chunks: Buffer[] = [];
      peer.on('data', (chunk) => chunks.push(chunk)).on('end', () => peer.end(Buffer.concat(chunks)));
    });
    const sandbox = await open(path, { 'echo.cjs': echoClient });
    const { stdout, stderr } = await run(sandbox, behindForwarder(['node', 'echo.cjs']));
    expect([stdout.trim(), stderr]).toEqual([sha(body), '']);
  });

  test.each([
    ['ends', 'process.exit(5)'],
    ['crashes', 'process.kill(process.pid, "SIGKILL")'],
  ])('a command that %s with open connections is over at once, and so are they', async (_what, how) => {
    const peers: Socket[] = [];
    const { path } = await listen((peer) => {
      peers.push(peer);
      peer.on('error', () => {}).on('data', () => {});
      peer.on('end', () => peer.end());
    });
    const sandbox = await open(path, { 'leave.cjs': leaver(how) });
    const { stoppedBy, exitCode } = await run(sandbox, behindForwarder(['node', 'leave.cjs']));
    expect([stoppedBy, exitCode]).toEqual(['exit', how.startsWith('process.exit') ? 5 : null]);
    expect(peers).not.toEqual([]);
    await eventually(() => expect(peers.filter((peer) => !peer.closed)).toEqual([]));
  });

  test('tells the gateway that a client has hung up, and the client that the gateway has', async () => {
    const ends: string[] = [];
    const { path } = await listen((peer) => {
      peer.on('error', () => {});
      peer.on('data', (text) => {
        if (String(text) === 'leave me') peer.destroy();
      });
      peer.on('end', () => {
        ends.push('client gone');
        peer.end();
      });
    });
    const client = `
      const { connect } = require('node:net');
      const { port } = new URL(process.env.OPENAI_BASE_URL);
      const say = (text) => new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(text, () => text === 'bye' && socket.destroy()));
        socket.on('error', () => {}).on('close', resolve);
      });
      say('leave me').then(() => say('bye')).then(() => setTimeout(() => console.log('both over'), 200));`;
    const sandbox = await open(path, { 'client.cjs': client });
    expect((await run(sandbox, behindForwarder(['node', 'client.cjs']))).stdout).toBe('both over\n');
    expect(ends).toEqual(['client gone']);
  });

  test('ends a connection at once when there is no gateway behind it any more', async () => {
    const { path, server } = await listen((peer) => {
      server.close();
      peer.once('data', () => peer.destroy());
    });
    const ask = `
      for (const time of ['first', 'second']) {
        await fetch(process.env.OPENAI_BASE_URL + '/models').catch((e) => console.log(time, e.cause.code));
      }`;
    const sandbox = await open(path, { 'ask.mjs': ask });
    const { stdout } = await run(sandbox, behindForwarder(['node', 'ask.mjs']));
    expect(stdout).toMatch(/^first (UND_ERR_SOCKET|ECONNRESET)\nsecond (UND_ERR_SOCKET|ECONNRESET)\n$/);
  });

  if (name !== 'process') {
    test('is the one port that anybody listens on', async () => {
      const { path } = await listen((peer) => void peer.end());
      const look = `
        const listening = require('node:fs').readFileSync('/proc/net/tcp', 'utf8').split('\\n').slice(1)
          .map((line) => line.trim().split(/\\s+/)).filter((columns) => columns[3] === '0A').map((columns) => columns[1]);
        const port = Number(new URL(process.env.OPENAI_BASE_URL).port).toString(16).toUpperCase().padStart(4, '0');
        console.log(listening.join() === '0100007F:' + port ? 'one' : listening);`;
      const sandbox = await open(path, { 'look.cjs': look });
      expect((await run(sandbox, behindForwarder(['node', 'look.cjs']))).stdout).toBe('one\n');
    });
  }
});
