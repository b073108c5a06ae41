import { describe, expect, it } from 'vitest';
import { accessOf } from '../../markspace/guard.ts';
import { armBudget, armLineages, circlesOf } from '../../src/core/config/arm-lineages.ts';
import { type ArmName, armNames, missingArms } from '../../src/core/config/arms.ts';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';
import { parseLineageId } from '../../src/core/ids.ts';
import { budgetsOf, markspaceSettings } from '../../src/runtime/markspace/settings.ts';
import { drawsOf } from '../../src/runtime/parent-selection.ts';

const base = {
  name: 'x',
  niche: 'circle-packing',
  lineages: { a: { model: 'mutator:numeric' }, b: { model: 'mutator:structural' } },
  seeds: [1, 2],
  arms: ['paired', 'self'] as ArmName[],
  budget: { generations: 3, tokens: 1_000, wallMs: 60_000 },
  markspace: {
    scopes: { notes: { members: ['a'] } },
    regulation: { budgets: [{ lineage: 'a', dimension: 'calls', limit: 5 } as const] },
  },
};
const id = parseLineageId;

describe('the lineages of an arm', () => {
  const config = parseExperiment({ ...base, markspace: {} });

  it('are those of the experiment, in self each with a twin of the same model beside it', () => {
    for (const arm of armNames.filter((name) => name !== 'self')) {
      expect(armLineages(config, arm).map((l) => l.id)).toEqual(['a', 'b']);
      expect(armBudget(config, arm)).toEqual(config.budget);
    }
    expect(armLineages(config, 'self')).toEqual([
      { id: 'a', model: 'mutator:numeric', twinOf: null },
      { id: 'a-twin', model: 'mutator:numeric', twinOf: 'a' },
      { id: 'b', model: 'mutator:structural', twinOf: null },
      { id: 'b-twin', model: 'mutator:structural', twinOf: 'b' },
    ]);
  });

  it('share twice as much in self as in any other arm, so that each has the same', () => {
    expect(armBudget(config, 'self')).toEqual({ generations: 3, tokens: 2_000, wallMs: 120_000 });
  });

  it('see those of their circle: all of them, the two instances of one model, or nobody', () => {
    const circles = (arm: ArmName) => [...circlesOf(armLineages(config, arm), arm).values()];
    expect(circles('paired')).toEqual(['', '']);
    expect(circles('self')).toEqual(['a', 'a', 'b', 'b']);
    expect(circles('solo')).toEqual(['a', 'b']);
  });

  it('draw as in every other arm, and a twin draws for itself', () => {
    for (const rng of ['keyed', 'python'] as const) {
      for (const lineages of [{ a: base.lineages.a }, base.lineages]) {
        const own = parseExperiment({ ...base, markspace: {}, lineages, arms: ['self'], rng });
        const draw = (lineage: string) => drawsOf(own, 7, id(lineage))(1, 0).next();
        expect(draw('a')).toBe(draw('a'));
        expect(draw('a-twin')).not.toBe(draw('a'));
      }
    }
  });

  it('may not be called what a twin is called, nor be too long to have one', () => {
    const lineages = (...ids: string[]) => Object.fromEntries(ids.map((name) => [name, base.lineages.a]));
    const parse = (...ids: string[]) => parseExperiment({ ...base, markspace: {}, lineages: lineages(...ids) });
    expect(() => parse('a', 'a-twin')).toThrow(/lineages\.a: the arm self calls its second instance a-twin/);
    expect(() => parse('a', 'b'.repeat(60))).toThrow(/use a shorter id/);
  });
});

describe('the markspace of self', () => {
  const config = parseExperiment(base);
  const settings = markspaceSettings({ config, arm: 'self' });
  const access = accessOf(settings.space);

  it('opens to a lineage what its twin publishes, and nothing of another model', () => {
    const readers = ['a', 'a-twin', 'b', 'b-twin'];
    const seenBy = (reader: string) =>
      readers.filter((other) => access.sightOf(reader, `strategies/${other}`) === 'content');
    expect(readers.map(seenBy)).toEqual([
      ['a', 'a-twin'],
      ['a', 'a-twin'],
      ['b', 'b-twin'],
      ['b', 'b-twin'],
    ]);
  });

  it('gives both instances one place for shared marks, with the rights and limits of the original', () => {
    expect(settings.placeOf(id('a'), 'notes')).toBe(settings.placeOf(id('a-twin'), 'notes'));
    expect(settings.placeOf(id('b'), 'notes')).not.toBe(settings.placeOf(id('a'), 'notes'));
    const writes = (lineage: string) => access.mayWrite(lineage, 'warning', settings.placeOf(id(lineage), 'notes'));
    expect(['a', 'a-twin', 'b', 'b-twin'].map(writes)).toEqual([true, true, false, false]);
    const limits = budgetsOf(config.markspace.regulation!, armLineages(config, 'self'));
    expect(Object.entries(limits).map(([lineage, own]) => [lineage, own.length])).toEqual([
      ['a', 1],
      ['a-twin', 1],
      ['b', 0],
      ['b-twin', 0],
    ]);
  });
});

it('misses the baselines, and the other arms of a family that ran', () => {
  expect(missingArms(['paired', 'solo', 'iid', 'sequential'])).toEqual(['sham', 'self', 'shuffled']);
  expect(missingArms(['full'])).toEqual(['iid', 'sequential', 'frozen-meta', 'random-parent', 'annealing']);
  expect(missingArms(armNames)).toEqual([]);
});
