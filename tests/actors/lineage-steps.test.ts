import { describe, expect, it } from 'vitest';
import { judge } from '../../actors/gate/judge.ts';
import { createLineage, type LineagePorts } from '../../actors/lineage/create-lineage.ts';
import { advance, emptyState, type LineageState } from '../../actors/lineage/lineage-state.ts';
import type { Ask } from '../../src/core/ask.ts';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';
import type { RequestOf, RoleName } from '../../src/core/messages.ts';
import { pythonRandom } from '../../src/core/python-random.ts';
import { type Evaluation, evaluationsOf, type Generation, noUsage } from '../../src/core/records.ts';
import { drawsOf } from '../../src/runtime/parent-selection.ts';
import { createBudget } from '../../src/runtime/run-budget.ts';
import { valid } from '../core/valid-messages.ts';
import { gateSettings, scored } from './gate-evidence.ts';
import { alice, generationOf, genomeId, lineageRequest } from './samples.ts';

const never = new AbortController().signal;
const usage = { ...noUsage, calls: 1 };

/** What the other roles answer; what they were asked is kept, one line each. */
interface Script {
  readonly edit?: (trial: string) => Pick<Generation, 'genome'> | 'fails';
  readonly evaluate?: (request: RequestOf<'environment'>) => Evaluation;
  readonly gate?: (request: RequestOf<'gate'>) => object;
}

function askOf(script: Script, asked: string[]): Ask {
  return (async <R extends RoleName>(role: R, request: RequestOf<R>) => {
    const q = request as { trial?: string; split?: string; places?: number[]; meta?: { generation: number } };
    const more = [q.meta && `by ${q.meta.generation}`, q.split, q.trial, q.places?.join(' ')];
    asked.push([role, ...more.filter((word) => word !== undefined)].join(' '));
    if (role === 'meta-agent') {
      const answer = script.edit?.(q.trial ?? 'directed') ?? {};
      if (answer === 'fails') return { ...valid['meta-agent'].result, usage };
      const { failure: _, ...rest } = valid['meta-agent'].result as Record<string, unknown>;
      return { ...rest, status: 'edited', genome: genomeId(1), adoption: null, usage, ...answer };
    }
    if (role === 'environment') {
      const evaluation = script.evaluate?.(request as RequestOf<'environment'>) ?? scored([1]);
      return { evaluation: { ...evaluation, split: q.split }, usage };
    }
    if (role === 'gate') {
      const promoted = { verdict: 'promoted', checks: [{ name: 'improvement', outcome: 'pass', reason: '' }] };
      return script.gate?.(request as RequestOf<'gate'>) ?? promoted;
    }
    return valid.archivist.result;
  }) as unknown as Ask;
}

async function oneRound(script: Script, changes: Partial<LineagePorts> = {}) {
  const asked: string[] = [];
  const ports: LineagePorts = {
    ask: askOf(script, asked),
    budget: createBudget('lineage alice', {}),
    select: () => 1,
    draws: () => ({ next: () => 0, int: () => 0, drawn: null }),
    ...{ annealing: null, metaFrom: 'parent', rollback: null, publish: async () => false, model: 'm' },
    ...{ taskModel: 'm', learning: null },
    seedGenome: { genome: genomeId(0), bytes: 1, files: 1 },
    items: { train: 1, selection: 2 },
    ...{ gatePolicy: 'strict-improvement', showsTrain: true, showsSelection: false, maxStagnation: null },
    state: [generationOf(0), generationOf(1)].reduce<LineageState>(advance, emptyState),
    ...changes,
  };
  await using lineage = createLineage(ports);
  const { generation } = await lineage.handle(lineageRequest(2), never);
  return { asked, generation: generation as Generation, budget: ports.budget };
}

describe('a tournament', () => {
  const annealing = { probability: 0.5, decay: 0.9 };
  const children: Script['edit'] = (trial) => ({ genome: genomeId(trial === 'blind' ? 8 : 7) });
  const scoring =
    (directed: number | null, blind: number | null) =>
    ({ genome, split }: RequestOf<'environment'>) =>
      split === 'train' ? scored([genome === genomeId(8) ? blind : directed]) : scored([1, 2]);

  it('has two children of one parent made and trained, and goes on with the directed one unless the blind is better', async () => {
    const { asked, generation } = await oneRound({ edit: children, evaluate: scoring(0.5, 0.5) }, { annealing });
    expect(asked).toEqual([
      'meta-agent by 1',
      'environment train',
      'meta-agent by 0 blind',
      'environment train blind',
      'environment selection',
      'gate',
      'archivist',
    ]);
    const tournament = { winner: 'directed', directed: 0.5, blind: 0.5 };
    expect(generation).toMatchObject({ genome: genomeId(7), metaFrom: 1, parent: 1, tournament });
    expect(generation.train).toMatchObject({ score: 0.5 });
  });

  it('goes on with the blind child that is strictly better, as one that generation 0 edited', async () => {
    const { generation, budget } = await oneRound({ edit: children, evaluate: scoring(0.5, 0.6) }, { annealing });
    const tournament = { winner: 'blind', directed: 0.5, blind: 0.6 };
    expect(generation).toMatchObject({ genome: genomeId(8), metaFrom: 0, tournament, train: { score: 0.6 } });
    // Two edits and three evaluations were paid for; of the items, the loser's is charged as well.
    expect(generation.usage.calls).toBe(5);
    expect(generation.otherEvaluations).toBe(1);
    expect([evaluationsOf(generation), budget.spent.evaluations]).toEqual([4, 4]);
  });

  it('is won by the blind child when the directed one cannot be edited or measured, and by nobody when neither can', async () => {
    const fails: Script['edit'] = (trial) => (trial === 'blind' ? children(trial) : 'fails');
    const rescued = await oneRound({ edit: fails, evaluate: scoring(null, 0) }, { annealing });
    expect(rescued.generation).toMatchObject({ genome: genomeId(8), failure: null, tournament: { directed: null } });
    const none = await oneRound({ edit: () => 'fails' }, { annealing });
    expect(none.generation).toMatchObject({
      failure: { stage: 'collect' },
      tournament: { directed: null, blind: null },
    });
    expect(none.asked).not.toContain('environment selection');
  });

  it('that the budget ends is decided by what was paid for', async () => {
    const budget = createBudget('lineage alice', { evaluations: 1 });
    const { generation } = await oneRound({ edit: children, evaluate: scoring(0.5, 0.6) }, { annealing, budget });
    expect(generation).toMatchObject({ genome: genomeId(7), failure: { stage: 'budget' }, train: { score: 0.5 } });
  });

  it('is not held when the draw says no, nor by other policies', async () => {
    const draws: LineagePorts['draws'] = () => ({ next: () => 0.5, int: () => 0, drawn: null });
    for (const changes of [{ annealing, draws }, {}]) {
      const { asked, generation } = await oneRound({}, changes);
      expect(asked).not.toContain('meta-agent by 0 blind');
      expect(generation).not.toHaveProperty('tournament');
    }
  });
});

describe('staged evaluation', () => {
  const items = { train: 1, selection: 5, stage: { items: 2, above: 0.25 } };
  const scores = [0.5, 0.25, 1, 1, 1];
  const evaluate =
    (first: readonly number[]): NonNullable<Script['evaluate']> =>
    ({ split, places }) =>
      split === 'train' ? scored([1]) : places === undefined ? scored(first) : scored(scores.slice(2), 2);

  it('evaluates the rest only of what is above the bar, and makes one evaluation of both', async () => {
    const { asked, generation, budget } = await oneRound({ evaluate: evaluate([0.5, 0.25]) }, { items });
    expect(asked.slice(1, 4)).toEqual([
      'environment train',
      'environment selection',
      'environment selection rest 2 3 4',
    ]);
    expect(generation.selection).toMatchObject({ status: 'measured', n: 5, score: 0.75 });
    expect(generation.selection!.items.map((i) => i.situation)).toEqual(['s0', 's1', 's2', 's3', 's4']);
    expect(generation).not.toHaveProperty('isPartial');
    expect(budget.spent.evaluations).toBe(6);
  });

  it('stops at the bar, which the gate is told and whoever chooses parents', async () => {
    let seen: RequestOf<'gate'> | null = null;
    const gate: Script['gate'] = (request) => {
      seen = request;
      return judge(request, gateSettings(), null);
    };
    const { asked, generation, budget } = await oneRound({ evaluate: evaluate([0.25, 0.25]), gate }, { items });
    expect(asked.slice(1, 4)).toEqual(['environment train', 'environment selection', 'gate']);
    expect(seen).toMatchObject({ candidate: { isPartial: true, selection: { n: 2 } } });
    const reason = '0.2500 on the first 2 items was not enough';
    expect(generation.checks).toContainEqual({ name: 'stage', outcome: 'refuse', reason });
    expect(generation).toMatchObject({ verdict: 'refused', isPartial: true });
    expect(advance(emptyState, generation).archive[0]).toMatchObject({ score: 0.25, isFull: false });
    expect(budget.spent.evaluations).toBe(3);
  });

  it('has no score when the rest fails, and keeps what was paid for when the budget ends before it', async () => {
    const broken: NonNullable<Script['evaluate']> = ({ split, places }) =>
      split === 'train' || places === undefined ? scored([1, 1]) : scored([1, null, 1], 2);
    const failed = await oneRound({ evaluate: broken }, { items });
    expect(failed.generation.selection).toMatchObject({ status: 'failed', message: 'boom' });
    expect(failed.generation.selection!.items).toHaveLength(5);
    const budget = createBudget('lineage alice', { evaluations: 4 });
    const { generation } = await oneRound({ evaluate: evaluate([0.5, 0.25]) }, { items, budget });
    expect(generation).toMatchObject({ failure: { stage: 'budget' }, selection: { n: 2 } });
  });

  it('is not for baselines without a gate', async () => {
    const whole: NonNullable<Script['evaluate']> = ({ count }) => scored(Array.from({ length: count }, () => 0));
    const { generation } = await oneRound({ evaluate: whole }, { items, gatePolicy: 'valid' });
    expect(generation).toMatchObject({ verdict: 'promoted', selection: { n: 5 } });
  });
});

describe('a re-test', () => {
  const wants = (retest: number[], verdict = 'refused') => ({
    ...{ verdict, retest, memory: { asked: retest } },
    checks: [{ name: 'improvement', outcome: 'refuse', reason: 'not yet' }],
  });

  it('measures candidate and best on the places the gate asks for, and asks it again with what came out', async () => {
    const seen: RequestOf<'gate'>['retests'][] = [];
    const gate: Script['gate'] = ({ retests }) => {
      seen.push(retests);
      if (retests.length < 2) return wants([2 + 2 * retests.length, 3 + 2 * retests.length]);
      return { verdict: 'promoted', checks: [{ name: 'improvement', outcome: 'pass', reason: '' }], memory: { n: 3 } };
    };
    const evaluate: Script['evaluate'] = ({ genome, places }) =>
      scored([Number(genome === genomeId(1)), 0], places?.[0]);
    const { asked, generation } = await oneRound({ edit: () => ({ genome: genomeId(7) }), evaluate, gate });
    expect(asked.slice(3, -1)).toEqual([
      'gate',
      'environment selection retest-1-candidate 2 3',
      'environment selection retest-1-best 2 3',
      'gate retest-1',
      'environment selection retest-2-candidate 4 5',
      'environment selection retest-2-best 4 5',
      'gate retest-2',
    ]);
    expect(seen.at(-1)!.map((r) => [r.places, r.candidate.items.length, r.best?.items[0]?.situation])).toEqual([
      [[2, 3], 2, 's2'],
      [[4, 5], 2, 's4'],
    ]);
    // The best is generation 1, which has the genome of that number.
    expect(seen.at(-1)![0]!.best).toMatchObject({ score: 0.5 });
    expect(generation).toMatchObject({ verdict: 'promoted', otherEvaluations: 8, gateMemory: { n: 3 } });
    expect(evaluationsOf(generation)).toBe(generation.train!.items.length + 2 + 8);
  });

  it('that the budget does not allow leaves the verdict as it was, which is never a promotion', async () => {
    const budget = createBudget('lineage alice', { evaluations: 4 });
    const { asked, generation } = await oneRound({ gate: () => wants([2, 3]) }, { budget });
    expect(asked.filter((line) => line.startsWith('gate'))).toEqual(['gate']);
    expect(generation).toMatchObject({ verdict: 'refused', gateMemory: { asked: [2, 3] } });
  });

  it('is not wanted for ever', async () => {
    const { asked } = await oneRound({ gate: () => wants([2]) });
    expect(asked.filter((line) => line.startsWith('gate'))).toHaveLength(51);
  });

  it('does not swallow another error', async () => {
    const evaluate: Script['evaluate'] = ({ places }) => {
      if (places !== undefined) throw new RangeError('the niche has no such place');
      return scored([1, 1]);
    };
    await expect(oneRound({ evaluate, gate: () => wants([2]) })).rejects.toThrow('no such place');
  });
});

describe('draws from Python', () => {
  const config = (lineages: readonly string[]) =>
    parseExperiment({
      ...{ name: 'x', niche: 'circle-packing', budget: { generations: 1 }, rng: 'python', arms: ['solo'] },
      lineages: Object.fromEntries(lineages.map((id) => [id, { model: 'mutator:numeric' }])),
    });

  it('are one sequence of random.Random(seed), and go on where the last generation left off', async () => {
    const python = pythonRandom(43);
    const draws = drawsOf(config(['alice']), 43, alice);
    const annealing = { probability: 0, decay: 1 };
    const select: LineagePorts['select'] = (archive, { int }) => archive[int(archive.length)]!.generation;
    let state = [generationOf(0), generationOf(1), generationOf(2)].reduce<LineageState>(advance, emptyState);
    for (let i = 0; i < 20; i += 1) {
      const { generation } = await oneRound({}, { draws, annealing, select, state });
      expect(generation.parent).toBe(python.choice(state.archive).generation);
      python.random();
      expect(generation.drawn).toBe(python.words);
      state = advance(state, { ...generation, generation: 3 + i });
    }
  });

  it('are a sequence of its own for each of several lineages', () => {
    const next = drawsOf(config(['alice', 'bob']), 43, alice)(1, 0).next();
    expect(next).toBe(pythonRandom('43/alice').random());
  });
});
