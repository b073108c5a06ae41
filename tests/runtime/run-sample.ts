import { parseExperiment } from '../../src/core/config/parse-experiment.ts';
import { parseRunId } from '../../src/core/ids.ts';
import type { RunManifest } from '../../src/runtime/run-directory.ts';
import { genomeId } from '../actors/samples.ts';

export const config = parseExperiment({
  name: 'demo',
  niche: 'circle-packing',
  lineages: { alice: { model: 'mutator:numeric' }, bob: { model: 'mutator:structural' } },
  arms: ['paired', 'solo'],
  seeds: [1, 2],
  budget: { generations: 3 },
});

const seed = { genome: genomeId(0), bytes: 100, files: 2 };
export const manifest: RunManifest = {
  ...{ format: 1, version: '0.1.0', run: parseRunId('demo-paired-1'), arm: 'paired', seed: 1, config },
  ...{ seeds: { alice: seed, bob: seed }, experimentDir: '/x', sandbox: 'process', group: 'demo' },
};
