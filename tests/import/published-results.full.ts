import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect } from 'vitest';
import type { Analysis, ImportOutcome } from '../../src/index.ts';
import { cli } from '../cli/run-cli.ts';
import { repository, scratchDir } from '../support/example-run.ts';
import { type TreeGeneration, writeGeneration } from '../support/hyperspace-tree.ts';
import { publishedDataMissing } from '../support/published-data.ts';
import { itWith } from '../support/require-service.ts';

const itWithPublishedData = itWith('published data', publishedDataMissing);

type Published = Readonly<Record<string, never>> & {
  readonly efficiency: Readonly<
    Record<string, { seeds: number; score_per_generation: number; range: [number, number] }>
  >;
  readonly generations_to_threshold: Readonly<
    Record<string, Readonly<Record<string, [number, number, number, number[] | null]>>>
  >;
};

describe('the published results, imported and analyzed', () => {
  itWithPublishedData(
    'agree with the published rates and thresholds, and with the crashes that are told of these runs',
    async () => {
      const folder = resolve(repository, '..', 'shared', 'data');
      const facts = JSON.parse(readFileSync(join(folder, 'hyperspace_facts.json'), 'utf8')) as Published;
      const [source, out] = [scratchDir(), scratchDir()];
      for (const line of readFileSync(join(folder, 'hyperspace_generations.jsonl'), 'utf8').trim().split('\n')) {
        const generation = JSON.parse(line) as TreeGeneration & { readonly run: string };
        writeGeneration(join(source, generation.run, `gen_${generation.gen}`), generation);
      }
      const imported = await cli(['import', 'hyperspace', source, '--out', out, '--json']);
      const { runs } = JSON.parse(imported.stdout) as ImportOutcome;
      expect(runs.flatMap((run) => run.lineages).map((l) => l.generations)).toHaveLength(18);
      expect(runs.flatMap((run) => run.lineages).reduce((sum, l) => sum + l.invalid, 0)).toBe(156);
      const { stdout } = await cli(['analyze', out, '--json']);
      const { efficiency, thresholds, crashRecoveries, adoptions } = JSON.parse(stdout) as Analysis;
      const pairings = { claude_vs_kimi: 'claude_vs_kimi-k2p5', kimi_vs_gpt: 'kimi-k2p5_vs_gpt-oss-120b' };
      for (const [key, pairing] of Object.entries(pairings)) {
        const [found] = efficiency.filter((e) => e.pairing === pairing);
        const published = facts.efficiency[key]!;
        expect(found!.seeds).toBe(published.seeds);
        expect(found!.scorePerGeneration).toBeCloseTo(published.score_per_generation, 4);
        for (const i of [0, 1]) expect(found!.range![i]).toBeCloseTo(published.range[i]!, 4);
        for (const [threshold, [reached, seeds, median, range]] of Object.entries(
          facts.generations_to_threshold[key]!,
        )) {
          const wait = thresholds.find((t) => t.pairing === pairing && t.threshold === Number(threshold))!;
          expect([threshold, wait.reached, wait.seeds, wait.median]).toEqual([threshold, reached, seeds, median]);
          if (range !== null) expect(wait.range).toEqual(range);
        }
      }
      // Of the six that are told, the four of these lineages; by the published script's own rule, two.
      expect(
        crashRecoveries.map((c) => [c.run.slice(-6), c.lineage, c.from, c.to, c.recovery, c.before, c.after]),
      ).toEqual([
        ['seed42', 'kimi-k2p5', 9, 16, 17, 0.54, 0.56],
        ['seed44', 'kimi-k2p5', 28, 29, 30, 0.53, 0.51],
        ['seed44', 'kimi-k2p5', 36, 37, 38, 0.48, 0.49],
        ['seed45', 'kimi-k2p5', 19, 20, 21, 0.46, 0.47],
      ]);
      expect(crashRecoveries.filter((c) => c.invalidAs.includes('unmeasured'))).toHaveLength(2);
      // The data have digests in place of code: one copy can be seen, of a generation that was not the peer's best any more.
      expect(adoptions).toEqual([]);
      const causal = await cli(['analyze', out, '--adoption', 'similarity-causal', '--json']);
      expect((JSON.parse(causal.stdout) as Analysis).adoptions).toMatchObject([
        {
          ...{ run: 'claude-vs-kimi-k2p5-seed44', generation: 3, adopter: 'kimi-k2p5', peer: 'claude' },
          ...{ ratio: 0, dPeer: 0, before: 0.35, after: 0.54 },
        },
      ]);
    },
    600_000,
  );
});
