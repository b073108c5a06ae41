/**
 * The storage niche: real executions a second against a bare shell on the
 * host, measured in turns, and what share of the space that an oracle frees
 * the baselines free on the same held-out worlds.
 *
 * Run: npm run bench -- storage [--worlds=40] [--samples=120] [--width=2] [--difficulty=0.5]
 */
import { loadavg } from 'node:os';
import { execa } from 'execa';
import { createBubblewrapProvider } from '../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import type { OpenSandbox } from '../sandboxes/sandbox.ts';
import { parseLineageId, parseRunId } from '../src/core/ids.ts';
import { randomStream } from '../src/core/random.ts';
import { familyNames } from '../src/niches/storage/families.ts';
import { oracle } from '../src/niches/storage/oracle.ts';
import { planWorld, type WorldPlan } from '../src/niches/storage/plan.ts';
import { type Life, live, type Policy, spread } from '../src/niches/storage/play.ts';
import { attributeReader, biggestFirst, randomPolicy } from '../src/niches/storage/policies.ts';
import { openWorldHost, type WorldHost } from '../src/niches/storage/world-host.ts';

function option(name: string, usual: number): number {
  const word = process.argv.find((argument) => argument.startsWith(`--${name}=`));
  return word === undefined ? usual : Number(word.slice(name.length + 3));
}

const [worlds, samples, width] = [option('worlds', 40), option('samples', 120), option('width', 2)];
const difficulty = option('difficulty', 0.5);
const signal = new AbortController().signal;
const provider = createBubblewrapProvider();
const open: OpenSandbox = (spec, abort) =>
  provider.open({ run: parseRunId('bench'), owner: parseLineageId('a'), network: null, ...spec }, abort);

const { usable, why } = await provider.probe();
if (!usable) {
  console.log(`bubblewrap: skipped, ${why}`);
  process.exit(0);
}

/** Held out: worlds of seeds that nothing else draws. */
const plans = Array.from({ length: worlds }, (_, i): WorldPlan => {
  const random = randomStream(1859, 'storage-bench', i);
  return planWorld({ family: familyNames[i % familyNames.length]!, seed: random.int(2 ** 31), difficulty });
});
const hosts = await Promise.all(Array.from({ length: width }, () => openWorldHost({ open, signal })));

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[list.length >> 1]!;

async function throughput(): Promise<void> {
  const turns = Array.from({ length: samples }, (_, i) => i);
  const rate = async (once: (host: WorldHost, i: number) => Promise<unknown>) => {
    const from = performance.now();
    await spread(hosts, turns, (host, i) => once(host, i));
    return (1_000 * samples) / (performance.now() - from);
  };
  const contestants: Record<string, (host: WorldHost, i: number) => Promise<unknown>> = {
    'sh -c on the host': () => execa('/bin/sh', ['-c', 'rm -f /nowhere/x']),
    'a world built, nothing run': (host, i) => host.begin(plans[i % worlds]!),
    'a world built, one command, measured': async (host, i) => {
      await host.begin(plans[i % worlds]!);
      await host.act('rm -f /tmp/*');
    },
  };
  const rates = Object.keys(contestants).map((): number[] => []);
  for (let round = 0; round < 3; round += 1) {
    for (const [i, once] of Object.values(contestants).entries()) rates[i]!.push(await rate(once));
  }
  const bare = median(rates[0]!);
  console.log(
    `${`${width} at once, load ${loadavg()[0]!.toFixed(1)}`.padEnd(40)} a second     ratio   (median of 3 rounds of ${samples})`,
  );
  for (const [i, name] of Object.keys(contestants).entries()) {
    console.log(
      `  ${name.padEnd(38)}${median(rates[i]!).toFixed(1).padStart(9)}${(bare / median(rates[i]!)).toFixed(2).padStart(10)}`,
    );
  }
}

const mean = (list: readonly number[]) => list.reduce((sum, x) => sum + x, 0) / list.length;
/** Half the width of a normal 95 % interval of a mean. */
const margin = (list: readonly number[]) => {
  const m = mean(list);
  return (
    (1.96 * Math.sqrt(list.reduce((sum, x) => sum + (x - m) ** 2, 0) / (list.length - 1))) / Math.sqrt(list.length)
  );
};

async function shares(): Promise<void> {
  const lives = async (policy: Policy): Promise<Life[]> =>
    spread(hosts, plans, (host, plan, i) =>
      live(host, plan, policy, randomStream(1859, 'storage-bench', policy.name, i)),
    );
  const best = await lives(oracle());
  const known = best.map(({ account }) => account.freedBytes);
  const capacity = mean(plans.map(({ capacityBytes }) => capacityBytes));
  console.log(
    `\n${worlds} held-out worlds, difficulty ${difficulty}, six commands each; the oracle frees ${((100 * mean(known)) / capacity).toFixed(0)} % of the volume`,
  );
  console.log(`${'policy'.padEnd(36)}share freed ± 95 %   before damage   frees per command   broken`);
  const others = [
    randomPolicy,
    biggestFirst('rm'),
    biggestFirst('truncate'),
    attributeReader(false),
    attributeReader(true),
  ];
  for (const policy of others) {
    const outcomes = await lives(policy);
    const freed = outcomes.map(({ account }, i) => account.freedBytes / known[i]!);
    const before = outcomes.map(({ account }, i) => account.mostFreedBytes / known[i]!);
    const steps = outcomes.flatMap(({ moments }) => moments.map(({ step }) => step));
    const hits = steps.filter(({ deltaBytes }) => deltaBytes > 0).length / steps.length;
    const broken = outcomes.filter(({ ending }) => ending === 'broken').length / outcomes.length;
    console.log(
      `  ${policy.name.padEnd(34)}${mean(freed).toFixed(2).padStart(8)} ± ${margin(freed).toFixed(2)}${mean(before).toFixed(2).padStart(16)}` +
        `${hits.toFixed(2).padStart(20)}${`${Math.round(100 * broken)} %`.padStart(9)}`,
    );
  }
}

await throughput();
await shares();
for (const host of hosts) await host[Symbol.asyncDispose]();
