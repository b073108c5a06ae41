import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';
import { createModels } from '../../src/runtime/models.ts';

const price = { promptUsdPerMTok: 1, completionUsdPerMTok: 2 };

function models(model: object, limits: object) {
  const config = parseExperiment({
    name: 'priced',
    niche: { module: 'circle-packing' },
    lineages: { a: { model: 'm' } },
    models: { m: { kind: 'openai', model: 'x', baseUrl: 'http://127.0.0.1:9/v1', ...model } },
    arms: ['solo'],
    budget: { generations: 1 },
    ...limits,
  });
  return createModels({ config, experimentDir: '/', secret: () => undefined });
}

describe('a limit in USD', () => {
  it.each([
    ['of the run', { budget: { generations: 1, usd: 5 } }],
    ['of a lineage', { lineageBudget: { usd: 5 } }],
  ])('%s is refused where the price of a model is unknown', async (_what, limits) => {
    await expect(models({}, limits)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('model m has no price: give it one, or limit tokens instead'),
    });
    await expect(models({ price, embeddings: { model: 'e' } }, limits)).rejects.toThrow('no price for its embeddings');
    const priced = await models({ price, embeddings: { model: 'e', usdPerMTok: 0 } }, limits);
    expect(priced.get('m')?.price(1_000_000, 0)).toBe(1);
  });

  it('is the only thing that asks for a price', async () => {
    const unpriced = await models({ embeddings: { model: 'e' } }, {});
    expect([unpriced.get('m')?.price(1, 1), unpriced.get('m')?.embedPrice?.(1)]).toEqual([null, null]);
  });
});
