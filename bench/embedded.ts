/**
 * How fast the embedded model trains and samples, in tokens a second, as a
 * share of what this machine can do, and against the same arithmetic as plain
 * loops.
 *
 * Run: npm run build && npm run bench -- embedded
 *
 * The peak is measured in the same run: products and sums in single precision,
 * four lanes at a time, in registers, on one core, in WebAssembly without
 * fused multiply-add. The machine's own vector units may do a multiple of it.
 * The work counted is that of weights and attention: 2 operations for each
 * weight and token forward, 2 for the input's gradient, 2 for the weight's.
 * Shares are of the processor time that was used, so that another program on
 * the machine does not change them; tokens a second are what a clock says.
 */
import { performance } from 'node:perf_hooks';
import { forwardBackward } from '../src/models/embedded/backward.ts';
import { openBase, shippedBases } from '../src/models/embedded/bases/shipped-bases.ts';
import { createWasmDevice, type Device, firstFree } from '../src/models/embedded/device.ts';
import { weightGradients } from '../src/models/embedded/gradients.ts';
import { initialWeights } from '../src/models/embedded/initialise.ts';
import { Allocator, fillRotary, takeActivations, takeRotary, weightLayout } from '../src/models/embedded/layout.ts';
import { Decoder } from '../src/models/embedded/sampling/decoder.ts';
import { createSampler } from '../src/models/embedded/sampling/sampler.ts';
import type { ModelShape } from '../src/models/embedded/shape.ts';
import { parseHyperparameters } from '../src/models/embedded/training/plan.ts';
import { trainWeights } from '../src/models/embedded/training/train-weights.ts';
import { createPlainDevice } from '../tests/models/embedded/plain-device.ts';

/** Those of the bases that come with the package. */
const shapes = Object.fromEntries(shippedBases.map((name) => [name, openBase(name).shape]));
const context = 96;
const lora = { rank: 8, alpha: 16 };
const batchSize = 32;
const never = () => new AbortController().signal;

/** What a piece of work took: by the clock, and of all cores together. */
interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

function startCost(): () => Cost {
  const [from, used] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { wallMs: performance.now() - from, cpuMs: (user + system) / 1_000 };
  };
}

const cheapest = (costs: readonly Cost[]): Cost => ({
  wallMs: Math.min(...costs.map(({ wallMs }) => wallMs)),
  cpuMs: Math.min(...costs.map(({ cpuMs }) => cpuMs)),
});

/** The least of some runs: what else the machine does only ever adds. */
function costOf(runs: number, work: () => void): Cost {
  return cheapest(
    Array.from({ length: runs }, () => {
      const stop = startCost();
      work();
      return stop();
    }),
  );
}

/** Single-precision operations a second of one core. */
function measurePeak(): number {
  const { kernels } = createWasmDevice(firstFree);
  const { peak } = kernels as unknown as { peak(rounds: number): number };
  const rounds = 1_000_000;
  return (rounds * 12 * 4 * 2 * 1_000) / costOf(60, () => peak(rounds)).wallMs;
}

/** Weights that take part in a product for each token; the embedding is one, as the head. */
const productWeights = (shape: ModelShape) => weightLayout(shape).matrices.count;
/** Operations of causal attention for each token of a full context and each pass: scores and mixtures, half of them masked. */
const attention = ({ layers, hiddenSize }: ModelShape) => 2 * layers * hiddenSize * context;

const tokensOf = (count: number, shape: ModelShape, seed: number) =>
  Array.from({ length: count }, (_, i) => (i * 7_919 + seed * 104_729) % shape.vocabularySize);

/** A step of training on full contexts, once the threads are under way. */
async function trainingCost(shape: ModelShape, isLora: boolean, threads: number, steps: number): Promise<Cost> {
  const costs: Cost[] = [];
  let stop = startCost();
  const hyperparameters = parseHyperparameters({ ...lora, steps, batchSize, learningRate: 1e-3 });
  const examples = Array.from({ length: batchSize }, (_, i) => ({
    tokens: tokensOf(context + 1, shape, i),
    firstTarget: 1,
  }));
  await trainWeights(
    {
      ...{
        shape,
        base: initialWeights(shape, 1),
        lora: isLora ? lora : null,
        examples,
        hyperparameters,
        seed: 1,
        threads,
      },
      checkpoint: null,
      onStep() {
        costs.push(stop());
        stop = startCost();
      },
    },
    never(),
  );
  // The median: a message that comes late makes the next step look short.
  const middle = (of: keyof Cost) =>
    costs
      .slice(2)
      .map((c) => c[of])
      .sort((a, b) => a - b)[(costs.length - 2) >> 1]!;
  return { wallMs: middle('wallMs'), cpuMs: middle('cpuMs') };
}

/** Milliseconds of loss and gradient of one shard of a batch. */
function shardMs(shape: ModelShape, open: (end: number) => Device, runs: number): number {
  const place = new Allocator(firstFree);
  const layout = weightLayout(shape);
  const [weights, gradient] = [place.take(layout.count), place.take(layout.count)];
  const sequences = 4;
  const rows = sequences * context;
  const shard = { tokens: place.take(rows), targets: place.take(rows), sequences, length: context };
  const rotary = takeRotary(shape, place);
  const activations = takeActivations(shape, sequences, 0, place);
  const device = open(place.end);
  fillRotary(device.floats, shape, rotary);
  device.floats.set(initialWeights(shape, 1), weights);
  for (const at of [shard.tokens, shard.targets]) device.ints.set(tokensOf(rows, shape, 1), at);
  const pass = { device, shape, layout, weights, rotary, activations };
  return costOf(runs, () => forwardBackward(pass, shard, 1 / rows, weightGradients(pass, gradient))).wallMs;
}

/** Milliseconds of reading one token for each of 64 texts, half a context long. */
function readMs(shape: ModelShape, open: (end: number) => Device, runs: number): number {
  const decoder = new Decoder(shape, 64, open);
  decoder.load(initialWeights(shape, 1));
  const rows = Array.from({ length: 64 }, (_, slot) => ({
    slot,
    position: context / 2,
    token: slot,
    wantsLogits: true,
  }));
  return costOf(runs, () => decoder.read(rows)).wallMs;
}

/** Answers to `siblings` requests for each prompt, all asked at once. */
async function samplingCost(
  shape: ModelShape,
  prompts: number,
  siblings: number,
  promptLength: number,
  maxTokens: number,
) {
  const sampler = createSampler(shape, initialWeights(shape, 1));
  const costs: Cost[] = [];
  for (let run = 0; run < 5; run += 1) {
    const stop = startCost();
    await Promise.all(
      Array.from({ length: prompts * siblings }, (_, i) => {
        const prompt = tokensOf(promptLength, shape, i % prompts);
        return sampler.sample({ prompt, maxTokens, temperature: 1, topP: 1, seed: i, end: -1 }, never());
      }),
    );
    costs.push(stop());
  }
  return cheapest(costs);
}

function report(what: string, count: number, unit: string, cost: Cost, operations: number, peak: number): void {
  const rate = Math.round((count * 1_000) / cost.wallMs).toLocaleString('en');
  const share = Math.round((100 * operations) / (peak * (cost.cpuMs / 1_000)));
  console.log(`  ${what.padEnd(56)}${rate.padStart(9)} ${unit.padEnd(10)}${`${share} % of peak`.padStart(13)}`);
}

const rows = batchSize * context;
for (const [name, shape] of Object.entries(shapes)) {
  const weights = productWeights(shape);
  const peak = measurePeak();
  console.log(
    `${name}: ${(weightLayout(shape).count / 1e6).toFixed(2)} M parameters, batch ${batchSize} × ${context};`,
  );
  console.log(`  peak of one core ${(peak / 1e9).toFixed(1)} GFLOP/s`);
  for (const threads of [1, 2]) {
    for (const [what, passes] of [
      ['all weights', 3],
      ['rank-8 adapters', 2],
    ] as const) {
      const cost = await trainingCost(shape, passes === 2, threads, shape.hiddenSize > 64 ? 12 : 40);
      const operations = rows * (2 * passes * weights + 3 * attention(shape));
      report(`training ${what}, ${threads} thread${threads > 1 ? 's' : ''}`, rows, 'tokens/s', cost, operations, peak);
    }
  }
  const read = (tokens: number) => tokens * (2 * weights + attention(shape));
  const long = await samplingCost(shape, 64, 1, 4, context - 4);
  report('sampling 64 texts to the end of the context', 64 * context, 'tokens/s', long, read(64 * context), peak);
  const short = await samplingCost(shape, 64, 16, 58, 3);
  // A prompt is read once, and of three tokens drawn the last is not read.
  report(
    '16 answers of 3 tokens to each of 64 prompts of 58',
    1_024,
    'answers/s',
    short,
    read(64 * 58 + 1_024 * 2),
    peak,
  );
  const ratio = (ms: (open: (end: number) => Device, runs: number) => number) =>
    (ms((end) => createPlainDevice(new Float32Array(end)), 3) / ms(createWasmDevice, 20)).toFixed(0);
  const times = [ratio((open, runs) => shardMs(shape, open, runs)), ratio((open, runs) => readMs(shape, open, runs))];
  console.log(`  times as fast as plain loops: ${times[0]} training, ${times[1]} sampling\n`);
}
