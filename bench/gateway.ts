/**
 * How close parallel model calls come to ideal through the gateway.
 *
 *   npx jiti bench/gateway.ts [calls = 640] [in flight = 64] [modelMs = 1000]
 *
 * Every call goes from the official client in a process of its own, as from a
 * sandbox, through a Unix socket, the ledger and the call record; the model
 * takes `modelMs` and does nothing else. Ideal is `calls / inFlight` times
 * `modelMs`. As many calls as are in flight are made before the measurement.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import { openGateway } from '../sandboxes/gateway/open-gateway.ts';
import { sleep } from '../src/core/abort.ts';
import type { Budget } from '../src/core/budget.ts';
import { toCompletion } from '../tests/support/scripted-model.ts';
import { createSocketFetch } from '../tests/support/socket-fetch.ts';

const openBudget: Budget = {
  reserve: () => ({ settle() {} }),
  spent: { tokens: 0, usd: 0, evaluations: 0 },
  exhausted: null,
};

async function measure(calls: number, inFlight: number, modelMs: number): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'gal-'));
  const completion = toCompletion('x'.repeat(2_000));
  let flying = 0;
  let peak = 0;
  let recorded = 0;
  const gateway = await openGateway({
    dir,
    model: {
      price: () => null,
      async complete(_request, signal) {
        peak = Math.max(peak, (flying += 1));
        await sleep(modelMs, signal);
        flying -= 1;
        return { completion, costUsd: null, source: 'live' };
      },
    },
    models: ['base'],
    limits: {
      maxCalls: 1e9,
      maxToolCalls: 1e9,
      maxTokens: 1e15,
      maxCompletionTokens: 1_000,
      maxRequestBytes: 1_000_000,
      concurrency: inFlight,
    },
    budget: openBudget,
    seedFor: (index) => index,
    recall: () => null,
    onCall: () => void (recorded += 1),
    signal: new AbortController().signal,
  });
  const jiti = fileURLToPath(new URL('jiti-cli.mjs', import.meta.resolve('jiti')));
  const here = fileURLToPath(import.meta.url);
  const args = [jiti, here, 'client', gateway.socketPath, String(calls), String(inFlight)];
  const before = process.cpuUsage();
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { user, system } = process.cpuUsage(before);
  await gateway[Symbol.asyncDispose]();
  await rm(dir, { recursive: true });

  const [wallMs, clientCpuMs] = stdout.split(' ').map(Number) as [number, number];
  const idealMs = Math.ceil(calls / inFlight) * modelMs;
  console.log(
    `${calls} calls, ${inFlight} in flight (peak ${peak}), model ${modelMs} ms, prompt 8 kB: ` +
      `${wallMs.toFixed(0)} ms, ideal ${idealMs} ms (${((100 * idealMs) / wallMs).toFixed(1)} %), ` +
      `CPU a call: gateway ${((user + system) / 1_000 / recorded).toFixed(2)} ms, ` +
      `client ${(clientCpuMs / calls).toFixed(2)} ms; ${recorded - inFlight} recorded`,
  );
}

/** Prints how long `calls` calls took, and how much CPU time they took here, in milliseconds. */
async function runClient(socketPath: string, calls: number, inFlight: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const fetch = createSocketFetch(socketPath, agent);
  const client = new OpenAI({ baseURL: 'http://gateway/v1', apiKey: 'none', fetch, maxRetries: 0 });
  const ask = (_: unknown, i: number) =>
    client.chat.completions.create({
      model: 'base',
      messages: [{ role: 'user', content: `${i} ${'y'.repeat(8_000)}` }],
    });
  await Promise.all(Array.from({ length: inFlight }, ask));
  const startedMs = performance.now();
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: calls }, ask));
  const { user, system } = process.cpuUsage(before);
  console.log(performance.now() - startedMs, (user + system) / 1_000);
  agent.destroy();
}

const [first, ...rest] = process.argv.slice(2);
if (first === 'client') {
  await runClient(rest[0]!, Number(rest[1]), Number(rest[2]));
} else {
  await measure(Number(first ?? 640), Number(rest[0] ?? 64), Number(rest[1] ?? 1_000));
}
