import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRun, run } from '../../../src/index.ts';
import { scratchDir } from '../../support/example-run.ts';
import { itNeedsVolumes } from './hosts.ts';

/** Empties the first ordinary file it is shown that it may write. */
const task = `import { readFileSync } from 'node:fs';
export function main() {
  const { files } = JSON.parse(readFileSync(0, 'utf8'));
  const file = files.find((f) => f.owner === 'me' && f.isWritable && f.flag === 'plain' && /[.](log|tmp|zip|gz|mp4|iso)$/.test(f.path));
  const quoted = "'" + file.path.replaceAll("'", "'\\\\''") + "'";
  console.log(JSON.stringify({ commands: ['truncate -s 0 -- ' + quoted] }));
}
if (process.argv[1].endsWith('task.mjs')) main();
`;
const meta = `export function main() {}
if (process.argv[1].endsWith('meta.mjs')) main();
`;

const experiment = `name: free-space
niche: { module: storage, params: { difficulty: 0.2, commands: 2 } }
lineages: { a: { model: mute, seed: ./seed } }
models: { mute: { kind: module, module: ./model.mjs } }
arms: [solo]
seeds: [1]
items: { train: 2, selection: 2, test: 2 }
budget: { generations: 1 }
sandbox: { provider: bubblewrap, warm: 0 }
`;

const model = `export default { kind: 'model', name: 'mute', create: () => ({
  name: 'mute', isTrusted: true, contextTokens: null, price: () => 0,
  complete: () => Promise.reject(new Error('nobody asks')),
}) };
`;

function writeExperiment(provider: string): string {
  const dir = scratchDir();
  mkdirSync(join(dir, 'seed'));
  const manifest = { task: { command: ['node', 'task.mjs'] }, meta: { command: ['node', 'meta.mjs'] } };
  writeFileSync(join(dir, 'seed', 'genome.json'), JSON.stringify(manifest));
  writeFileSync(join(dir, 'seed', 'task.mjs'), task);
  writeFileSync(join(dir, 'seed', 'meta.mjs'), meta);
  writeFileSync(join(dir, 'model.mjs'), model);
  writeFileSync(join(dir, 'experiment.yaml'), experiment.replace('bubblewrap', provider));
  return dir;
}

describe('an experiment file', () => {
  it('is refused, before anything is made, with a provider whose volumes nobody can measure', async () => {
    const dir = writeExperiment('process');
    const running = run(join(dir, 'experiment.yaml'), { out: join(dir, 'out'), logLevel: 'silent' });
    await expect(running).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/storage measures sandboxes from outside, and process .* bubblewrap/),
    });
    expect(existsSync(join(dir, 'out'))).toBe(false);
  });

  itNeedsVolumes(
    'can name the storage niche: task agents answer with commands, real worlds give the score',
    async () => {
      const dir = writeExperiment('bubblewrap');
      const outcome = await run(join(dir, 'experiment.yaml'), { out: join(dir, 'out'), logLevel: 'silent' });
      const record = await readRun(outcome.runs[0]!.dir);
      expect(record).toMatchObject({ status: 'done' });
      const [seed] = record.lineages[0]!.generations;
      expect(seed!.selection).toMatchObject({ status: 'measured', n: 2 });
      expect((seed!.selection as { score: number }).score).toBeGreaterThan(0.002);
    },
  );
});
