import { join } from 'node:path';
import { expect, it } from 'vitest';
import { killAgainAndAgain } from './killed-writer.ts';
import { tempDir } from './temp-dir.ts';

it('keeps every acknowledged mark, and no half of one, when its writer is killed 200 times', async () => {
  const seed = Number(process.env.GALAPAGOS_TEST_SEED ?? Date.now() % 2 ** 31);
  console.log(`kill -9 seed: ${seed}`);
  // Shorter lives of the same file, so that every kill has a young and an old log to fall on.
  let [acked, compactions] = [0, 0];
  for (let file = 0; file < 8; file += 1) {
    const seen = await killAgainAndAgain(join(await tempDir(), 'marks.jsonl'), 25, seed + file);
    acked += seen.acked;
    compactions += seen.compactions;
  }
  console.log(`${acked} marks acknowledged, ${compactions} compactions finished`);
  expect(acked).toBeGreaterThan(2_000);
  expect(compactions).toBeGreaterThan(100);
}, 1_200_000);
