import { describe, expect, it } from 'vitest';
import { createLineage, type LineagePorts } from '../../../actors/lineage/create-lineage.ts';
import {
  advance,
  ancestor,
  emptyState,
  inService,
  type LineageState,
  weightsFor,
} from '../../../actors/lineage/lineage-state.ts';
import type { Ask } from '../../../src/core/ask.ts';
import { type TrainingConfig, trainingSchema } from '../../../src/core/config/training-schema.ts';
import { parseAdapterId } from '../../../src/core/ids.ts';
import type { RequestOf, ResultOf, RoleName } from '../../../src/core/messages.ts';
import { type Evaluation, type Generation, noUsage, type ServedWeights } from '../../../src/core/records.ts';
import { trajectoriesTree } from '../../../src/core/trajectories.ts';
import { createMemoryGenomeStore } from '../../../src/lineage/genome-store.ts';
import { createBudget } from '../../../src/runtime/run-budget.ts';
import { valid } from '../../core/valid-messages.ts';
import { scored } from '../gate-evidence.ts';
import { generationOf, genomeId, lineageRequest, measured } from '../samples.ts';

const never = new AbortController().signal;
const weights = (n: number): ServedWeights => ({
  adapter: { id: parseAdapterId(String(n).padStart(64, '0')), tree: genomeId(n) },
  model: `small--alice-g${n}`,
});
const metrics = { steps: 9, examples: 2, firstLoss: 3, lastLoss: 1 };

interface Script {
  readonly trainer?: (request: RequestOf<'trainer'>) => ResultOf<'trainer'>;
  readonly verdict?: 'promoted' | 'refused' | 'archived';
  readonly edit?: 'fails';
  readonly retest?: boolean;
  /** Three low generations with weights of their own come in between, and the lineage goes back to its best. */
  readonly regression?: boolean;
}

/** Two generations that lived, the second promoted with weights of its own; then one more. */
async function oneRound(
  script: Script = {},
  settings: Partial<TrainingConfig> = {},
  from: LineageState | 'with weights' | 'without weights' = 'with weights',
) {
  const genomes = createMemoryGenomeStore();
  const asked: { role: RoleName; request: Record<string, unknown> }[] = [];
  const lifeOf = async (...completions: string[]): Promise<Evaluation> => {
    const steps = completions.map((completion) => ({ steps: [{ prompt: 'free', completion }], gain: 1 }));
    const train = measured(1, 'train') as Extract<Evaluation, { status: 'measured' }>;
    return { ...train, items: [{ ...train.items[0]!, trajectories: await genomes.put(trajectoriesTree(steps)) }] };
  };
  const lived = [
    generationOf(0, { train: await lifeOf('rm @1') }),
    generationOf(1, {
      ...{ verdict: 'promoted', train: await lifeOf('mv @1'), files: 7, bytes: 70 },
      ...(from === 'without weights' ? {} : { adapter: weights(1).adapter, taskModel: weights(1).model }),
    }),
  ];
  if (script.regression) {
    lived.unshift(generationOf(0, { ...lived.shift()!, selection: measured(0) }));
    for (const n of [2, 3, 4])
      lived.push(
        generationOf(n, {
          verdict: 'promoted',
          selection: measured(0),
          adapter: weights(n).adapter,
          taskModel: weights(n).model,
        }),
      );
  }
  const known = typeof from === 'string' ? lived.reduce<LineageState>(advance, emptyState) : from;
  const ask = (async (role: RoleName, request: Record<string, unknown>) => {
    asked.push({ role, request });
    if (role === 'trainer') {
      const { kind } = request as { kind: string };
      const answer = { status: 'in-service' as const, ...weights(kind === 'train' ? 5 : 6), metrics: null };
      return script.trainer?.(request as never) ?? (kind === 'train' ? { ...answer, metrics } : answer);
    }
    if (role === 'meta-agent') {
      if (script.edit === 'fails') return { ...valid['meta-agent'].result, usage: noUsage };
      const { failure: _, ...rest } = valid['meta-agent'].result as Record<string, unknown>;
      return { ...rest, status: 'edited', genome: genomeId(8), adoption: null, usage: noUsage };
    }
    if (role === 'environment') return { evaluation: { ...scored([1]), split: request.split }, usage: noUsage };
    if (role === 'gate') {
      const { candidate, retests } = request as RequestOf<'gate'>;
      const checks = [{ name: 'c', outcome: 'pass', reason: '' }];
      if (candidate.failure !== null) return { verdict: 'failed', checks };
      if (script.retest && retests.length === 0) return { verdict: 'refused', checks, retest: [3] };
      return { verdict: script.verdict ?? 'promoted', checks };
    }
    return valid.archivist.result;
  }) as unknown as Ask;
  const training = trainingSchema.parse({ credit: 'trajectory', minExamples: 1, ...settings });
  const ports: LineagePorts = {
    ...{ ask, budget: createBudget('lineage alice', {}), annealing: null, metaFrom: 'parent' },
    select: () => (script.regression ? 4 : 1),
    rollback: script.regression ? { after: 3, share: 0.5, margin: 0 } : null,
    draws: () => ({ next: () => 0, int: () => 0, drawn: null }),
    ...{ publish: async () => false, model: 'mutator', taskModel: 'small', learning: { settings: training, genomes } },
    seedGenome: { genome: genomeId(0), bytes: 1, files: 1 },
    ...{ items: { train: 1, selection: 1 }, gatePolicy: 'strict-improvement', showsTrain: true, showsSelection: false },
    ...{ maxStagnation: null, state: known },
  };
  await using lineage = createLineage(ports);
  const result = (await lineage.handle(lineageRequest(known.history.length), never)).generation as Generation;
  const requests = (role: RoleName) => asked.filter((one) => one.role === role).map(({ request }) => request);
  return { asked: asked.map(({ role }) => role), requests, generation: result, genomes, state: advance(known, result) };
}

describe('a generation that trains', () => {
  it('alone: trains on what survived, is measured with the new weights and the old code, and is committed with them', async () => {
    const { asked, requests, generation, genomes, state } = await oneRound();
    expect(asked).toEqual(['trainer', 'environment', 'environment', 'gate', 'archivist']);
    const [request] = requests('trainer') as [{ dataset: ReturnType<typeof genomeId> }];
    const replay = (await genomes.get(request.dataset)).get('replay.jsonl')!;
    expect(Buffer.from(replay.bytes).toString()).toBe(
      '{"completion":"rm @1","prompt":"free"}\n{"completion":"mv @1","prompt":"free"}\n',
    );
    for (const evaluated of requests('environment')) {
      expect(evaluated).toMatchObject({ genome: genomeId(1), model: weights(5).model });
    }
    expect(requests('gate')[0]).toMatchObject({
      candidate: { isUnedited: true, changedFiles: [], files: 7, bytes: 70 },
    });
    const lesson = {
      status: 'trained',
      dataset: request.dataset,
      examples: 2,
      generations: [0, 1],
      firstLoss: 3,
      lastLoss: 1,
    };
    const committed = { genome: genomeId(1), adapter: weights(5).adapter, taskModel: weights(5).model };
    expect(generation).toMatchObject({ ...committed, metaFrom: null, changedFiles: [], files: 7, lesson });
    expect(requests('archivist')[0]).toMatchObject({
      ...{ ...committed, summary: 'weights trained on 2 examples of 2 generations' },
    });
    expect(inService(state)).toEqual(weights(5));
  });

  it('beside an edit: shows both, and an edit that failed is no training', async () => {
    const { asked, requests, generation } = await oneRound({}, { code: 'edited' });
    expect(asked).toEqual(['meta-agent', 'trainer', 'environment', 'environment', 'gate', 'archivist']);
    expect(generation).toMatchObject({
      genome: genomeId(8),
      adapter: weights(5).adapter,
      lesson: { status: 'trained' },
    });
    expect(requests('archivist')[0]).toMatchObject({
      summary: expect.stringMatching(/^task\.js.*; weights trained on/),
    });
    expect(requests('gate')[0]).not.toHaveProperty('candidate.isUnedited');
    const failed = await oneRound({ edit: 'fails' }, { code: 'edited' });
    expect(failed.asked).toEqual(['meta-agent', 'gate', 'archivist']);
    expect(failed.generation).toMatchObject({ verdict: 'failed', adapter: weights(1).adapter });
  });

  it('is every so-manieth; in between code is edited and measured with the weights of its parent', async () => {
    const { asked, requests, generation } = await oneRound({}, { every: 3 });
    expect(asked).not.toContain('trainer');
    expect(requests('environment')[0]).toMatchObject({ model: weights(1).model });
    expect(generation).toMatchObject({ adapter: weights(1).adapter, taskModel: weights(1).model });
    expect(generation).not.toHaveProperty('lesson');
  });

  it('measures the best again with the best’s own weights', async () => {
    const { requests } = await oneRound({ retest: true });
    const again = requests('environment').filter(({ trial }) => String(trial).startsWith('retest'));
    expect(again.map(({ trial, model }) => [trial, model])).toEqual([
      ['retest-1-candidate', weights(5).model],
      ['retest-1-best', weights(1).model],
    ]);
  });
});

describe('a training that comes to nothing', () => {
  const failing: Script['trainer'] = () => ({ status: 'failed', reason: 'the loss of step 3 is NaN' });

  it('is a recorded failure with its reason; the last good weights stay in service', async () => {
    const { asked, generation, state } = await oneRound({ trainer: failing });
    expect(asked).toEqual(['trainer', 'gate', 'archivist']);
    const failure = { stage: 'training', message: 'the loss of step 3 is NaN' };
    expect(generation).toMatchObject({ verdict: 'failed', failure, lesson: { status: 'failed' }, train: null });
    expect(inService(state)).toEqual(weights(1));
    // What has no survivors yet says nothing about the code.
    expect(state.archive.find((a) => a.generation === 1)).toMatchObject({ failedChildren: 0 });
  });

  it('does not ask for a training with too few survivors, and says how many there were', async () => {
    const { asked, generation } = await oneRound({}, { minExamples: 3 });
    expect(asked).toEqual(['gate', 'archivist']);
    expect(generation.failure?.message).toBe(
      '2 of 2 trajectories survived in generations 0, 1, with 2 examples; a training asks for 3',
    );
  });

  it('asks for a training with as many examples as are wanted', async () => {
    expect((await oneRound({}, { minExamples: 2 })).asked[0]).toBe('trainer');
  });

  it('beside an edit leaves the edit to be measured with the weights there were', async () => {
    const { requests, generation } = await oneRound({ trainer: failing }, { code: 'edited' });
    expect(requests('environment')[0]).toMatchObject({ genome: genomeId(8), model: weights(1).model });
    expect(generation).toMatchObject({
      verdict: 'promoted',
      adapter: weights(1).adapter,
      lesson: { status: 'failed' },
    });
    expect(requests('archivist')[0]).toMatchObject({
      summary: expect.stringContaining('no training, the loss of step 3'),
    });
  });
});

describe('weights that are not promoted', () => {
  it.each([
    [0, 'refused'],
    [0.25, 'refused'],
    [0.25, 'archived'],
  ] as const)(
    'go back to the last good ones (share %d, %s), which the next generation begins with',
    async (share, verdict) => {
      const { asked, requests, generation, state } = await oneRound({ verdict }, { keepOfRefused: share });
      expect(asked.slice(-2)).toEqual(['trainer', 'archivist']);
      expect(requests('trainer')[1]).toMatchObject({
        ...{ kind: 'roll-back', to: weights(1).adapter, from: weights(5).adapter, share },
      });
      // The commit names what was measured; what is in service is another matter.
      expect(generation).toMatchObject({ verdict, adapter: weights(5).adapter, rolledBack: weights(6) });
      expect(inService(state)).toEqual(weights(6));
      const next = await oneRound({}, { every: 5 }, state);
      expect(next.requests('environment')[0]).toMatchObject({ model: weights(6).model });
      expect(next.state.rolledBack).toBeNull();
      expect(inService(next.state)).toEqual(weights(6));
    },
  );

  it('need nothing to go back to where the model as it came was in service', async () => {
    const { asked, state } = await oneRound({ verdict: 'refused' }, {}, 'without weights');
    expect(asked).toEqual(['trainer', 'environment', 'environment', 'gate', 'archivist']);
    expect(inService(state)).toBeNull();
  });

  it.each([0, 0.25])(
    'after going back to the best go back to the best’s own again (share %d), and those stay in service',
    async (share) => {
      const settings = { every: 1, keepOfRefused: share };
      const { requests, generation, state } = await oneRound({ verdict: 'refused', regression: true }, settings);
      const restored = { kind: 'roll-back', to: weights(1).adapter };
      expect(requests('trainer')).toMatchObject([
        { ...restored, from: weights(4).adapter, share: 0 },
        { kind: 'train' },
        { ...restored, from: weights(5).adapter, share, trial: 'refused' },
      ]);
      expect(requests('trainer')[0]).not.toHaveProperty('trial');
      expect(generation).toMatchObject({ rollback: { weights: 'restored' }, rolledBack: weights(6) });
      expect(inService(state)).toEqual(weights(6));
      expect(weightsFor(state, ancestor(state, 1))).toEqual(weights(6));
    },
  );

  it('are not what is in service after going back to the best, also when weights in between were before', async () => {
    const blended = await oneRound({ verdict: 'refused' }, { keepOfRefused: 0.25 });
    expect(inService(blended.state)).toEqual(weights(6));
    const rollback = { from: 1, streak: 3, floor: 0, weights: 'restored' as const };
    const next = generationOf(3, { parent: 1, rollback, adapter: weights(1).adapter, taskModel: 'x' });
    const state = advance(blended.state, next);
    expect(inService(state)).toEqual(weights(1));
    expect(weightsFor(state, ancestor(state, 1))).toEqual(weights(1));
  });
});
