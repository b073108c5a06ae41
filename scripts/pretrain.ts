/**
 * Makes the bases that the package ships, from nothing but this checkout:
 *
 *     npm run pretrain -- small [--threads=1] [--seed=1859] [--to=DIR]
 *
 * Broken off and called again it goes on from its last checkpoint. What it has trained is then measured for real, in
 * sandboxes, on held-out worlds; directory and card are written when all of that is done.
 */
import { setMaxListeners } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../src/core/json.ts';
import { kernelsHash } from '../src/models/embedded/device.ts';
import { readBase, writeBase } from '../src/models/embedded/files/base-checkpoint.ts';
import { parseModelShape } from '../src/models/embedded/shape.ts';
import { openHosts } from '../src/runtime/weights-loop/hosts.ts';
import { measureBase } from '../src/runtime/weights-loop/measure-base.ts';
import { type BaseRecipe, pretrainBase } from '../src/runtime/weights-loop/pretrain-base.ts';
import { heldOutWorlds } from '../src/runtime/weights-loop/situations.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sizes = { vocabularySize: 176, heads: 4, contextLength: 96 };
const recipes: Readonly<Record<string, Omit<BaseRecipe, 'seed'>>> = {
  small: {
    shape: parseModelShape({ ...sizes, hiddenSize: 64, feedForwardSize: 192, layers: 3 }),
    ...{ rows: 12_800, steps: 1_200, batchSize: 32, learningRate: 4e-3 },
  },
  medium: {
    shape: parseModelShape({ ...sizes, hiddenSize: 128, feedForwardSize: 384, layers: 4 }),
    ...{ rows: 11_200, steps: 700, batchSize: 16, learningRate: 2e-3 },
  },
};

const name = process.argv[2] ?? '';
const option = (key: string) => process.argv.find((word) => word.startsWith(`--${key}=`))?.slice(key.length + 3);
const recipe = recipes[name];
if (recipe === undefined) {
  console.error(`There is no recipe ${JSON.stringify(name)}. Recipes: ${Object.keys(recipes).join(', ')}`);
  process.exit(2);
}

const usualSeed = 1859;
const seed = Number(option('seed') ?? usualSeed);
const stop = new AbortController();
setMaxListeners(0, stop.signal);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error('stopped')));
const cache = join(root, 'node_modules', '.cache', 'galapagos');
mkdirSync(cache, { recursive: true });
const startMs = performance.now();
const elapsed = () => `${((performance.now() - startMs) / 1_000).toFixed(0)} s`;
const { checkpoint, losses, ...base } = await pretrainBase(
  { ...recipe, seed },
  {
    threads: Number(option('threads') ?? 1),
    checkpointOf: (key) => join(cache, `${name}-${key.slice(0, 16)}.safetensors`),
    onRow: (row) => row % 2_000 === 0 && console.error(`${elapsed()}  ${row} of ${recipe.rows} rows`),
    onStep: (step, loss) =>
      step % 25 === 0 && console.error(`${elapsed()}  step ${step} of ${recipe.steps}, loss ${loss.toFixed(3)}`),
    signal: stop.signal,
  },
);
const directory = option('to') ?? join(root, 'src', 'models', 'embedded', 'bases', name);
writeBase(directory, base);
console.error(`${elapsed()}  measuring in sandboxes`);
const written = readBase(directory, name);
const worlds = heldOutWorlds(400, 0.5);
await using standing = await openHosts(2, 1, stop.signal);
const measure = await measureBase(written, worlds, standing, stop.signal);
writeFileSync(join(directory, 'card.md'), card());
rmSync(checkpoint, { force: true });
console.error(
  `${elapsed()}  ${directory}: ${(100 * measure.freed).toFixed(1)} % of ${measure.actions} commands freed space`,
);

function card(): string {
  const { shape } = recipe!;
  const sizes = `hidden ${shape.hiddenSize}, ${shape.layers} layers, ${shape.heads} heads, feed-forward ${shape.feedForwardSize}, context ${shape.contextLength}, vocabulary ${shape.vocabularySize}`;
  const file = readFileSync(join(directory, 'model.safetensors'));
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const lastLoss = losses.slice(-50).reduce((sum, loss) => sum + loss, 0) / Math.min(50, losses.length);
  return `# Base \`${name}\`

A decoder of ${base.weights.length.toLocaleString('en')} parameters (${sizes}) that can read an observation of the storage niche and say a command, and knows nothing about which command frees space. What is learnt later is learnt from consequences.

| | |
|---|---|
| data | ${recipe!.rows.toLocaleString('en')} rows of ${shape.contextLength + 1} tokens of \`src/niches/storage/corpus.ts\`: look-ups in an observation (60 %) and commands without a thought (40 %), results never shown |
| training | ${recipe!.steps.toLocaleString('en')} steps of ${recipe!.batchSize} rows, learning rate ${recipe!.learningRate} with cosine, all weights; mean loss of the last 50 steps ${lastLoss.toFixed(3)} nats |
| seed | ${seed}: corpus, first weights, order of the rows |
| made by | \`npm run pretrain -- ${name}${seed === usualSeed ? '' : ` --seed=${seed}`}\`, with kernels ${kernelsHash().slice(0, 16)} on Node ${process.versions.node.split('.')[0]} |
| model.safetensors | ${file.length.toLocaleString('en')} bytes, sha256 \`${sha256(file)}\` |
| base (shape, vocabulary and weights) | sha256 \`${written.sha256}\` |

## What it does, measured
In ${worlds.length} held-out worlds of difficulty 0.5, at temperature 1:

| | | n |
|---|---|---|
| says a whole command about a listed file, without a grammar | ${percent(measure.valid)} | ${measure.draws} draws |
| frees space with its first command, under the grammar, executed | ${percent(measure.freed)} | ${measure.actions} commands |
| MiB freed per command, of volumes of 4 MiB | ${measure.MiBPerAction.toFixed(3)} | ${measure.actions} commands |

A command that breaks its world loses what was available in it, and counts as that.
`;
}
