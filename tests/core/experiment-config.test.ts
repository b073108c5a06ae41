import { describe, expect, it } from 'vitest';
import { arms } from '../../src/core/config/arms.ts';
import { experimentSchema } from '../../src/core/config/experiment-schema.ts';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';

const least = {
  name: 'packing',
  niche: './niche.ts',
  lineages: { a: { model: 'mutator' } },
  budget: { generations: 2 },
};
const parse = (extra: object) => experimentSchema.safeParse({ ...least, ...extra });
const places = (extra: object) => parse(extra).error?.issues.map((issue) => issue.path.join('.')) ?? [];

describe('an experiment file', () => {
  it('needs four things; everything else has a value then', () => {
    const config = experimentSchema.parse(least);
    expect(config).toMatchObject({
      niche: { module: './niche.ts', params: {} },
      arms: ['paired', 'solo', 'sham', 'iid', 'sequential'],
      seeds: [1],
      items: { train: 1, selection: 1, test: 1 },
      sandbox: { provider: 'auto', allowUnsafe: false },
      visibility: { train: true, selection: false },
      ...{ selection: 'best', parents: 'valid', rng: 'keyed', metaAgent: { from: 'parent' } },
      gate: { improvement: { test: 'strict', errorRate: 0.05 }, constraints: [] },
      clock: 'logical',
    });
  });

  it('read again after it was written down, says the same', () => {
    const config = experimentSchema.parse(least);
    expect(experimentSchema.parse(JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it('is refused without any of the four, and all are named at once', () => {
    const issues = experimentSchema.safeParse({}).error?.issues ?? [];
    expect(issues.map((issue) => issue.path[0]).sort()).toEqual(['budget', 'lineages', 'name', 'niche']);
  });

  it.each([
    ['a misspelled key', { bugdet: {} }, ''],
    ['a misspelled key inside', { sandbox: { memoryMb: 1 } }, 'sandbox'],
    ['a name that is no token', { name: 'My Experiment' }, 'name'],
    ['no lineage', { lineages: {} }, 'lineages'],
    ['a lineage whose name leads elsewhere', { lineages: { '../x': { model: 'm' } } }, 'lineages.../x'],
    ['no generation', { budget: { generations: 0 } }, 'budget.generations'],
    ['a negative price limit', { budget: { generations: 1, usd: -1 } }, 'budget.usd'],
    ['an arm nobody knows', { arms: ['paired', 'placebo'] }, 'arms.1'],
    ['no arm', { arms: [] }, 'arms'],
    ['a fraction for a seed', { seeds: [0.5] }, 'seeds.0'],
    ['a seed of more than 31 bits', { seeds: [2 ** 31] }, 'seeds.0'],
    ['output without end', { sandbox: { maxOutputBytes: 2 ** 40 } }, 'sandbox.maxOutputBytes'],
    ['an actor for a role nobody has', { actors: { oracle: './x.ts' } }, 'actors'],
    ['an error rate that is none', { gate: { improvement: { errorRate: 0 } } }, 'gate.improvement.errorRate'],
    [
      'a constraint that is no expression',
      { gate: { constraints: [{ files: '(', pattern: 'x', why: 'y' }] } },
      'gate.constraints.0.files',
    ],
    ['a chance above 1', { annealing: { probability: 1.5 } }, 'annealing.probability'],
    ['random numbers nobody has', { rng: 'perl' }, 'rng'],
    ['the number of rounds twice', { lineageBudget: { generations: 1 } }, 'lineageBudget'],
  ])('is refused with %s, and the place is named', (_what, extra, place) => {
    expect(places(extra)).toContain(place);
  });

  it('has room for a first stage below the whole, and for no other', () => {
    const items = (stage: number) => ({
      ...least,
      ...{ arms: ['solo'], lineages: { a: { model: 'mutator:numeric' } } },
      items: { selection: 5, stage: { items: stage } },
    });
    expect(parseExperiment(items(4)).items.stage).toEqual({ items: 4, above: 0 });
    expect(() => parseExperiment(items(5))).toThrow('items.stage.items: must be below items.selection, which is 5');
  });

  it('takes a key only as the name of an environment variable', () => {
    const model = (apiKey: string) => ({ models: { m: { kind: 'openai', model: 'x', apiKey } } });
    expect(parse(model(['$', '{OPENAI_API_KEY}'].join(''))).success).toBe(true);
    const refused = parse(model('sk-very-secret'));
    expect(refused.error?.issues[0]).toMatchObject({ path: ['models', 'm', 'apiKey'] });
    expect(refused.error?.message).not.toContain('sk-very-secret');
  });

  it('says of an embedded model what it needs: a base, and a grammar that exists', () => {
    const model = (more: object) => ({ models: { m: { kind: 'embedded', ...more } } });
    expect(parse(model({ base: 'small' })).data?.models.m).toEqual({ kind: 'embedded', base: 'small', temperature: 1 });
    expect(places(model({}))).toEqual(['models.m.base']);
    expect(places(model({ base: 'small', temperature: 2.5, grammar: 'bash' }))).toEqual([
      ...['models.m.temperature', 'models.m.grammar'],
    ]);
    const whole = { ...least, arms: ['solo'], lineages: { a: { model: 'm' } } };
    expect(() => parseExperiment({ ...whole, ...model({ base: 'small', temprature: 0 }) })).toThrow(
      'models.m.temprature: unknown key; did you mean "temperature"?',
    );
  });

  it('takes no trainer of its own where no lineage would ask it', () => {
    const whole = { ...least, arms: ['solo'], lineages: { a: { model: 'mutator:numeric' } } };
    expect(() => parseExperiment({ ...whole, actors: { trainer: './t.ts' } })).toThrow(
      /actors\.trainer: no lineage has training/,
    );
  });

  it('changes one thing per arm: what is seen, or what is selected', () => {
    expect(arms.solo).toMatchObject({ ...arms.paired, strategies: 'none', purpose: expect.any(String) });
    expect(arms.sham).toMatchObject({ ...arms.paired, strategies: 'sham', purpose: expect.any(String) });
    expect(arms.self).toMatchObject({ ...arms.paired, strategies: 'twin', purpose: expect.any(String) });
    expect(arms.shuffled).toMatchObject({ ...arms.paired, strategies: 'shuffled', purpose: expect.any(String) });
    const other = { purpose: expect.any(String) };
    expect(arms['frozen-meta']).toMatchObject({ ...arms.full, metaFrom: 'generation-0', ...other });
    expect(arms['random-parent']).toMatchObject({ ...arms.full, selection: 'random', ...other });
    expect(arms.annealing).toMatchObject({ ...arms.full, selection: 'annealing', ...other });
  });
});
