/**
 * Overhead per generation when model and evaluation are instant: commit,
 * marks, journal, guard, gateway, bus and actors are real, the sandbox is in
 * memory and the model is scripted. `npx jiti bench/overhead.ts [generations]`
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createMemoryBus } from '../src/bus/memory-bus.ts';
import { parseExperiment } from '../src/core/config/parse-experiment.ts';
import { textFile } from '../src/core/file-tree.ts';
import { parseRunId } from '../src/core/ids.ts';
import { createLogger } from '../src/core/log.ts';
import { randomStream } from '../src/core/random.ts';
import { executeRun } from '../src/runtime/execute-run.ts';
import { scanJournal } from '../src/runtime/journal.ts';
import { createRunDirectory, readManifest, runPaths } from '../src/runtime/run-directory.ts';
import { RunState } from '../src/runtime/run-state.ts';
import { readSeedGenome } from '../src/runtime/seed-genome.ts';
import { createMemoryProvider } from '../tests/support/memory-sandbox.ts';
import { passingCheck } from '../tests/support/passing-check.ts';
import { createScriptedModel } from '../tests/support/scripted-model.ts';
import { goal } from './speed.ts';

const generations = Number(process.argv[2] ?? 2_000);
const lineages = ['a', 'b'];
const rounds = Math.ceil(generations / lineages.length);
const example = resolve(import.meta.dirname, '..', 'examples', 'hill');

const config = parseExperiment({
  name: 'overhead',
  niche: { module: './niche.ts', params: { top: 7.25 } },
  lineages: Object.fromEntries(lineages.map((id) => [id, { model: 'scripted' }])),
  models: { scripted: { kind: 'module', module: 'unused' } },
  arms: ['paired'],
  seeds: [1],
  budget: { generations: rounds },
  task: { maxCalls: 0 },
});

/** Asks the model through the gateway's socket, as a meta-agent would. */
function ask(socketPath: string, text: string): Promise<string> {
  return new Promise((done, fail) => {
    const call = request(
      { socketPath, path: '/v1/chat/completions', method: 'POST', agent: false },
      async (response) => {
        let body = '';
        for await (const chunk of response) body += chunk;
        done(JSON.parse(body).choices[0].message.content);
      },
    );
    call.on('error', fail);
    call.end(JSON.stringify({ model: 'scripted', messages: [{ role: 'user', content: text }] }));
  });
}

const numbers = randomStream(1, 'bench');
const model = createScriptedModel(() => String(numbers.normal() * 1_000), { name: 'scripted', isTrusted: true });
const provider = createMemoryProvider(async (argv, workspace, options) => {
  if (argv[1] === 'meta.mjs') {
    const answer = await ask(options.env!.GALAPAGOS_GATEWAY!, 'Where next?');
    workspace.set('position.json', textFile(`${JSON.stringify({ x: Number(answer) })}\n`));
    return { stdout: '{}' };
  }
  if (argv[1] === 'task.mjs') return { stdout: new TextDecoder().decode(workspace.get('position.json')!.bytes) };
  return passingCheck(options);
});
const open = provider.open.bind(provider);
provider.open = (spec, signal) => {
  // The double remembers everything; a benchmark of memory must not.
  for (const list of [provider.commands, provider.opened]) (list as unknown[]).length = 0;
  return open(spec, signal);
};

const out = mkdtempSync(join(tmpdir(), 'gal-bench-'));
const never = new AbortController().signal;
const finished: number[] = [];
const cpuMs: number[] = [];
const cpuNow = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
const rss: number[] = [];
const heap: number[] = [];
const run = parseRunId('overhead-paired-1');
const dir = join(out, run);
const seed = readSeedGenome(join(example, 'seed'), config.genome);
await createRunDirectory(
  dir,
  {
    version: 'bench',
    run,
    arm: 'paired',
    seed: 1,
    config,
    experimentDir: example,
    sandbox: 'memory',
    group: 'overhead',
  },
  new Map(lineages.map((id) => [id, seed])),
);

function medianStartMs(): number {
  const times = Array.from({ length: 9 }, () => {
    const before = performance.now();
    execFileSync(process.execPath, ['-e', '0']);
    return performance.now() - before;
  }).sort((a, b) => a - b);
  return times[4]!;
}

const baselineMs = medianStartMs();
await executeRun(dir, {
  provider,
  openBus: async () => createMemoryBus(),
  secret: () => undefined,
  log: createLogger({ level: 'error' }),
  models: new Map([['scripted', model]]),
  onFact: (_, fact) => {
    if (fact.type !== 'lineage.finished') return;
    finished.push(performance.now());
    cpuMs.push(cpuNow());
    if (finished.length % 100 === 0) {
      // Without the flag the figure includes garbage that nobody has collected yet.
      globalThis.gc?.();
      heap.push(process.memoryUsage().heapUsed / 2 ** 20);
      rss.push(process.memoryUsage().rss / 2 ** 20);
    }
  },
  signal: never,
  stopSoon: never,
});

const per = (from: number, to: number, times = finished) => (times[to - 1]! - times[from]!) / (to - from - 1);
const hundred = Math.min(100, Math.floor(finished.length / 4));
// The first rounds include loading modules; they are not generations yet.
const first = per(lineages.length, lineages.length + hundred);
const last = per(finished.length - hundred, finished.length);
console.log(`generations              ${finished.length - lineages.length} (2 lineages)`);
console.log(`per generation, all      ${per(lineages.length, finished.length).toFixed(2)} ms`);
console.log(
  `processor time, all      ${per(lineages.length, cpuMs.length, cpuMs).toFixed(2)} ms of this process, the collections for the memory figures included`,
);
console.log(`first ${hundred}                ${first.toFixed(2)} ms`);
console.log(`last ${hundred}                 ${last.toFixed(2)} ms   ratio last/first ${(last / first).toFixed(2)}`);
console.log(
  `one bare node -e 0       ${baselineMs.toFixed(1)} ms   ratio overhead/start ${(per(lineages.length, finished.length) / baselineMs).toFixed(3)}`,
);
console.log(`resident memory          ${rss[0]?.toFixed(0)} MiB after 100, ${rss.at(-1)?.toFixed(0)} MiB at the end`);
console.log(
  `heap in use              ${heap[0]?.toFixed(0)} MiB after 100, ${heap.at(-1)?.toFixed(0)} MiB at the end${globalThis.gc ? '' : ' (uncollected garbage included: run with --expose-gc)'}`,
);
const beforeReading = cpuNow();
const state = new RunState(readManifest(dir));
const { seq } = await scanJournal(runPaths(dir).journal, (fact) => state.apply(fact));
const readingMs = cpuNow() - beforeReading;
const perTenThousand = (readingMs * 10_000) / finished.length;
console.log(
  `state from the journal   ${readingMs.toFixed(0)} ms of processor time for ${seq} facts, ${perTenThousand.toFixed(0)} ms per 10,000 generations`,
);
goal('overhead per generation', per(lineages.length, finished.length), 'ms', { atMost: 5 });
goal('last against first', last / first, 'times', { atMost: 1.2 });
goal('state per 10,000 generations', perTenThousand, 'ms of processor time', { atMost: 1_000 });
rmSync(out, { recursive: true, force: true });
