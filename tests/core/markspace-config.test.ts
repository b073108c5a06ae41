import { describe, expect, it } from 'vitest';
import type { ExperimentInput } from '../../src/core/config/experiment-schema.ts';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';

const parse = (markspace?: object, more: object = {}) =>
  parseExperiment({
    name: 'shared',
    niche: './niche.ts',
    lineages: { a: { model: 'mutator:numeric' }, b: { model: 'mutator:structural' } },
    budget: { generations: 2 },
    ...(markspace === undefined ? {} : { markspace: markspace as ExperimentInput['markspace'] }),
    ...more,
  }).markspace;
const problem = (markspace: object, more: object = {}) => {
  try {
    parse(markspace, more);
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing is wrong';
};

describe('the markspace of an experiment', () => {
  it('is a file with the times of transfer experiments and nothing else, unless it is told otherwise', () => {
    expect(parse()).toEqual({
      store: 'file',
      decay: { clock: 'wall', halfLife: '24h', warningHalfLife: '12h', intentTtl: '1h' },
      scopes: {},
    });
  });

  it('counts rounds and looks at content, once lineages leave marks', () => {
    const { decay, regulation } = parse({ scopes: { notes: {} } });
    expect(decay).toEqual({ clock: 'rounds', halfLife: 24, warningHalfLife: 12, intentTtl: 2 });
    expect(regulation).toMatchObject({ envelope: false, content: { maxBytes: 16_384, secrets: true, claims: true } });
  });

  it('says the same when it is read again', () => {
    const all = {
      store: 'nats',
      decay: { clock: 'wall', halfLife: '90min' },
      scopes: {
        notes: { quota: 3, rate: { perAgent: 2, window: '1h' } },
        models: { rate: { total: 9, window: '1d' } },
      },
      regulation: {
        envelope: { window: '60s' },
        probes: { every: 3, answer: '2h' },
        budgets: [{ dimension: 'usd', limit: 1 }],
      },
    };
    const once = parse(all);
    expect(parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });

  it.each<[string, object, string]>([
    ['a misspelled key', { scope: {} }, 'markspace.scope: unknown key; did you mean "scopes"?'],
    ['a scope that is none', { scopes: { 'Notes!': {} } }, 'markspace.scopes.Notes!: not a scope'],
    ['a scope of the runtime', { scopes: { 'lineages/a': {} } }, 'lineages belongs to the runtime'],
    [
      'another visibility for strategies',
      { scopes: { strategies: { visibility: 'open' } } },
      'of strategies only the use can be limited',
    ],
    [
      'a member that is no lineage',
      { scopes: { notes: { members: ['c'] } } },
      'markspace.scopes.notes.members: no lineage "c"; there are a, b',
    ],
    [
      'members that rights from above cannot be kept from',
      { scopes: { notes: {}, 'notes/x': { members: ['a'] } } },
      'b has rights in notes, and rights pass down',
    ],
    [
      'an open scope in a closed one',
      { scopes: { notes: { visibility: 'classified' }, 'notes/x': { visibility: 'open' } } },
      'cannot be open below what is classified',
    ],
    [
      'hours where rounds are counted',
      { scopes: { notes: { halfLife: '6h' } } },
      "markspace.scopes.notes.halfLife: the marks' clock counts rounds",
    ],
    ['a number where the clock is the wall', { decay: { halfLife: 6 } }, 'such as 6h'],
    ['a time that is none', { decay: { halfLife: 'soon' } }, 'write a number of rounds'],
    [
      'a boundary that outlives every intent',
      { scopes: { notes: { deferred: { every: 2, maxPending: 2 } } } },
      'markspace.scopes.notes.deferred.every: must be shorter than an intent lives',
    ],
    [
      'a barrier on nothing',
      { regulation: { barriers: [{ scope: 'notes', reason: 'x' }] } },
      'no scope "notes" in markspace.scopes',
    ],
    [
      'a barrier for nobody',
      { regulation: { barriers: [{ scope: 'models', lineage: 'c', reason: 'x' }] } },
      'no lineage "c"',
    ],
    [
      'a budget for nobody',
      { regulation: { budgets: [{ lineage: 'c', dimension: 'calls', limit: 1 }] } },
      'no lineage "c"',
    ],
    [
      'a budget of nothing that is counted',
      { regulation: { budgets: [{ dimension: 'joules', limit: 1 }] } },
      'markspace.regulation.budgets.0.dimension',
    ],
    [
      'probes where lineages leave marks',
      { scopes: { readings: {} }, regulation: { probes: { every: 1, answer: 1 } } },
      'readings is a scope already',
    ],
    [
      'probes that nobody can answer',
      { regulation: { probes: { every: 1, answer: 1 } } },
      'probes need a scope in which lineages can report',
    ],
  ])('is refused with %s, and the place is named', (_what, markspace, said) => {
    expect(problem(markspace)).toContain(said);
  });

  it("is refused where a lineage has the run's own name in it", () => {
    const lineages = { operator: { model: 'mutator:numeric' }, b: { model: 'mutator:numeric' } };
    expect(problem({ scopes: { notes: {} } }, { lineages })).toContain(
      'lineages.operator: the run itself is called operator',
    );
    expect(problem({}, { lineages })).toBe('nothing is wrong');
  });
});
