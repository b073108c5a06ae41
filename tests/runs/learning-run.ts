import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSmallBase } from '../models/embedded/small-base.ts';
import { repository } from '../support/example-run.ts';

/** A niche that pays for answers that begin with `rm`, and tells what each one was worth. */
const niche = `const worth = (said) => (said.startsWith('rm') ? 1 : 0);
export default { kind: 'niche', name: 'saying', params: { safeParse: (data) => ({ success: true, data }) }, create: () => ({
  name: 'saying', version: '1',
  situations: ({ split, count }) => Array.from({ length: count }, (_, i) => ({
    id: split + '-' + i, split, input: { observation: 'free disk @' + (1 + i % 6), commands: 1 },
  })),
  measure: ({ input }, { output }) => {
    const said = output.tries;
    return {
      status: 'measured',
      score: said.reduce((sum, one) => sum + worth(one), 0) / said.length,
      details: { said },
      trajectories: said.map((one) => ({ steps: [{ prompt: input.observation, completion: one }], gain: worth(one) })),
    };
  },
}) };
`;

/** Of anything that the base may say: it has no grammar. */
const sentence = `export function isWide(sentence) {
  return sentence.startsWith('mv') ? 1 : 0;
}
export function fileAt(observation, sentence) {
  return { size: observation.length + sentence.length };
}
`;

/**
 * An experiment in which two lineages learn, on an untrained base of a few thousand weights, without isolation: one
 * trains its weights and edits its code in turn, the other does both at once.
 */
export function writeLearning(dir: string, { generations = 4 }: { readonly generations?: number } = {}): string {
  cpSync(join(repository, 'experiments', 'finches', 'seed'), join(dir, 'seed'), { recursive: true });
  writeFileSync(join(dir, 'seed', 'sentence.mjs'), sentence);
  writeFileSync(join(dir, 'niche.mjs'), niche);
  openSmallBase(join(dir, 'base'));
  const file = join(dir, 'experiment.yaml');
  const hyperparameters = '{ rank: 4, alpha: 8, steps: 60, batchSize: 8, learningRate: 0.02 }';
  const training = (more: string) =>
    `{ every: 2, credit: trajectory, minExamples: 1, ${more}, hyperparameters: ${hyperparameters} }`;
  writeFileSync(
    file,
    `name: learning
niche: { module: ./niche.mjs }
models: { tiny: { kind: embedded, base: ./base } }
lineages:
  turns: { model: "mutator:numeric", taskModel: tiny, training: ${training('code: unchanged')} }
  both: { model: "mutator:numeric", taskModel: tiny, training: ${training('code: edited')} }
arms: [paired]
seeds: [3]
items: { train: 8, selection: 6, test: 4 }
task: { wallMs: 120000 }
budget: { generations: ${generations} }
sandbox: { provider: process, allowUnsafe: true }
`,
  );
  return file;
}
