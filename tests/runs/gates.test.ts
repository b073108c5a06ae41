import { expect, it } from 'vitest';
import { pythonRandom } from '../../src/core/python-random.ts';
import { scratchDir } from '../support/example-run.ts';
import { create, type Scripts, sharedRun, stand } from './shared-run.ts';

/** Items lie scattered over 0 to 99; one is right when it lies in [low, x). Without `low`, all count alike. */
const niche = `export default {
  kind: 'niche',
  name: 'items',
  create: () => ({
    name: 'items',
    version: '1',
    situations: ({ split, count }) =>
      Array.from({ length: count }, (_, i) => ({ id: split + '-' + i, split, input: { question: 'where?' } })),
    measure: ({ id }, { output: { x, low } }) => {
      const at = (Number(id.split('-')[1]) * 37) % 100;
      const isRight = at >= (low ?? 0) && at < x;
      return { status: 'measured', score: isRight ? (low !== undefined && at > 70 ? 5 : 1) : 0, details: {} };
    },
  }),
};
`;
const seeds = { '': { 'position.json': '{"x":30}\n' } };

async function generationsOf(a: Scripts[string], more: string) {
  // Nothing here is about time.
  const settings = `task: { wallMs: 120000 }\nmetaAgent: { wallMs: 120000 }\n${more}`;
  const rounds = Object.keys(a).length;
  const shared = { dir: scratchDir(), scripts: { a, b: {} }, rounds, sandbox: 'process', niche, seeds, settings };
  const { record } = await sharedRun(shared);
  return record.lineages[0]!.generations;
}

it('refuses a gain within noise, and promotes one that items nobody used before confirm', {
  timeout: 120_000,
}, async () => {
  const settings = `items: { train: 1, selection: 3 }
gate: { improvement: { test: paired, errorRate: 0.25, looks: 1, itemsPerLook: 3 } }
`;
  const [, small, large] = await generationsOf({ 1: [stand(40)], 2: [stand(100)] }, settings);
  expect(small).toMatchObject({ verdict: 'refused', otherEvaluations: 6, gateMemory: { nextPlace: 6, judged: 1 } });
  expect(small!.checks.at(-1)!.reason).toBe(
    '+0.3333 against generation 0; look 2 of 2: McNemar p 0.5, error rate 0.125 (n 6, 1 differ)',
  );
  // Still measured against generation 0: what was refused is not the best, though its score was higher.
  expect(large).toMatchObject({ verdict: 'promoted', otherEvaluations: 6, gateMemory: { nextPlace: 9, judged: 2 } });
  expect(large!.checks.at(-1)!.reason).toBe(
    '+0.6667 against generation 0; look 2 of 2: McNemar p 0.0625, error rate 0.125 (n 6, 4 differ)',
  );
});

it('refuses a better score that gives up what was frozen when it was promoted', { timeout: 120_000 }, async () => {
  const settings = `items: { train: 1, selection: 3 }
gate: { regression: { flakiness: 0 } }
`;
  const trade = create('position.json', '{"x":90,"low":20}\n');
  const [, promoted, traded] = await generationsOf({ 1: [stand(60)], 2: [trade] }, settings);
  const library = [
    { situation: 'selection-0', generation: 1 },
    { situation: 'selection-1', generation: 1 },
  ];
  expect(promoted).toMatchObject({ verdict: 'promoted', gateMemory: { library } });
  expect(traded).toMatchObject({ verdict: 'refused', selection: { score: 2 }, gateMemory: { library } });
  expect(traded!.checks.filter((c) => c.outcome === 'refuse')).toMatchObject([
    { name: 'regression-micro', reason: expect.stringMatching(/^1 of 2 frozen items broken/) },
  ]);
});

it('anneals with random numbers of Python: a tournament in each round that Python says', {
  timeout: 120_000,
}, async () => {
  const settings = `selection: annealing
annealing: { probability: 0.5, decay: 1 }
rng: python
`;
  const generations = await generationsOf({ 1: [stand(50)], 2: [stand(60)], 3: [stand(70)] }, settings);
  // One draw for the parent and one for the tournament, of a sequence of the lineage's own.
  const python = pythonRandom('1/a');
  const expected = [1, 2, 3].map(() => {
    python.random();
    return { isTournament: python.random() < 0.5, drawn: python.words };
  });
  expect(expected.map((e) => e.isTournament)).toContain(true);
  const seen = generations.slice(1).map((g) => ({ isTournament: g.tournament !== undefined, drawn: g.drawn }));
  expect(seen).toEqual(expected);
});
