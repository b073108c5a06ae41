/**
 * What reaching the gateway over HTTP on loopback adds, in each sandbox that works here.
 *
 *   npx jiti bench/forwarder.ts [starts = 30] [calls = 500]
 *
 * To a command's start: `true`, by itself and behind the forwarder, in turns.
 * To a call: requests one after another on one connection, to a server that
 * answers at once, on the socket and behind the forwarder. Medians.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { behindForwarder } from '../sandboxes/gateway/http-forwarder.ts';
import { builtInProviders } from '../sandboxes/providers.ts';
import type { Sandbox } from '../sandboxes/sandbox.ts';
import { textFile } from '../src/core/file-tree.ts';
import { parseLineageId, parseRunId } from '../src/core/ids.ts';

const client = `
import { Agent, request } from 'node:http';
const url = process.env.OPENAI_BASE_URL && new URL(process.env.OPENAI_BASE_URL);
const place = url ? { host: url.hostname, port: url.port } : { socketPath: process.env.GALAPAGOS_GATEWAY };
const agent = new Agent({ keepAlive: true });
const ask = () => new Promise((resolve, reject) =>
  request({ ...place, agent, method: 'POST' }, (answer) => answer.resume().on('end', resolve))
    .on('error', reject).end('x'.repeat(8_000)));
const times = [];
for (let i = 0; i < Number(process.argv[2]); i += 1) {
  const startedMs = performance.now();
  await ask();
  times.push(performance.now() - startedMs);
}
console.log(times.sort((a, b) => a - b)[times.length >> 1]);
agent.destroy();
`;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

async function run(sandbox: Sandbox, argv: readonly string[]): Promise<{ wallMs: number; stdout: string }> {
  const signal = new AbortController().signal;
  const ended = await sandbox.exec(argv, { signal, timeoutMs: 60_000, maxOutputBytes: 65_536 });
  if (ended.exitCode !== 0) throw new Error(`${argv.at(-1)}: ${ended.stderr}`);
  return ended;
}

async function measure(sandbox: Sandbox, starts: number, calls: number): Promise<string> {
  const direct: number[] = [];
  const forwarded: number[] = [];
  for (let i = 0; i < starts; i += 1) {
    direct.push((await run(sandbox, ['true'])).wallMs);
    forwarded.push((await run(sandbox, behindForwarder(['true']))).wallMs);
  }
  const ask = ['node', 'client.mjs', String(calls)];
  const onSocket = Number((await run(sandbox, ask)).stdout);
  const overHttp = Number((await run(sandbox, behindForwarder(ask))).stdout);
  return (
    `start ${median(direct).toFixed(1)} ms, behind the forwarder ${median(forwarded).toFixed(1)} ms; ` +
    `call ${onSocket.toFixed(2)} ms, behind the forwarder ${overHttp.toFixed(2)} ms`
  );
}

const [starts = 30, calls = 500] = process.argv.slice(2).map(Number);
const dir = await mkdtemp(join(tmpdir(), 'gal-'));
const socket = join(dir, 's');
const server = createServer((incoming, response) => incoming.resume().on('end', () => response.end('x'.repeat(2_000))));
await new Promise<void>((resolve) => server.listen(socket, resolve));
for (const provider of builtInProviders()) {
  if (!(await provider.probe()).usable) continue;
  const sandbox = await provider.open(
    {
      run: parseRunId('bench'),
      owner: parseLineageId('a'),
      files: new Map([['client.mjs', textFile(client)]]),
      mounts: [],
      network: null,
      limits: { memoryMiB: 512, cpus: 2, pids: 128, diskMiB: 16 },
    },
    new AbortController().signal,
  );
  await sandbox.connect(socket);
  console.log(`${provider.name}: ${await measure(sandbox, starts, calls)}`);
  await sandbox[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
}
server.closeAllConnections();
server.close();
await rm(dir, { recursive: true });
