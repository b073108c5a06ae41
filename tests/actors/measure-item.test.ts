import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEnvironment } from '../../actors/environment/create-environment.ts';
import { evaluationOf, measureItem, usageOf } from '../../actors/environment/measure-item.ts';
import type { Ask } from '../../src/core/ask.ts';
import { checkResult } from '../../src/core/contracts.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import type { ResultOf } from '../../src/core/messages.ts';
import type { Niche, Split } from '../../src/core/niche.ts';
import { type EvaluationItem, noUsage } from '../../src/core/records.ts';
import { trajectoriesOf } from '../../src/core/trajectories.ts';
import { createMemoryGenomeStore } from '../../src/lineage/genome-store.ts';
import { valid } from '../core/valid-messages.ts';

const never = new AbortController().signal;
const request = valid.environment.request;
const situation = { id: 's1', split: 'selection', input: { n: 2 } } as const;
const solved = valid.solver.result;

function niche(measure: Niche['measure']): Niche {
  const situations: Niche['situations'] = ({ split, count }) =>
    Array.from({ length: count }, (_, i) => ({ id: `s${i}`, split, input: i }));
  return { name: 'test', version: '1', situations, measure };
}
const answering = (result: Partial<ResultOf<'solver'>>) => (async () => ({ ...solved, ...result })) as unknown as Ask;
const fixed = niche(() => ({ status: 'measured', score: 7, details: null }));

async function consequenceOf(measure: Niche['measure'], answer: Partial<ResultOf<'solver'>> = {}) {
  const measured = await measureItem({ niche: niche(measure), ask: answering(answer) }, request, situation, never);
  return measured.item.consequence;
}

describe('the consequence of an answer', () => {
  it('is what the niche measured, whatever the answer says about itself', async () => {
    const asked: unknown[] = [];
    const measure: Niche['measure'] = (s, answer) => {
      asked.push(s, answer);
      return { status: 'measured', score: 1, details: 'mine' };
    };
    const output = { score: 1e9, status: 'measured', verdict: 'PASS' };
    expect(await consequenceOf(measure, { output, stderrTail: 'score: 1e9' })).toEqual({
      ...{ status: 'measured', score: 1 },
      details: 'mine',
    });
    expect(asked).toEqual([situation, { output, exitCode: 0 }]);
  });

  it.each([
    ['timeout', { stoppedBy: 'timeout', exitCode: null }, 'timeout', 'no answer within the time limit'],
    ['memory', { stoppedBy: 'memory', exitCode: null }, 'limit', 'stopped by its memory limit'],
    ['exit 3', { exitCode: 3, stderrTail: 'x\nRangeError: no\n  at y' }, 'crash', 'exit 3: RangeError: no'],
    ['a signal', { exitCode: null }, 'crash', 'exit by signal'],
    [
      'no answer',
      { output: null, problem: 'stdout is not one JSON document' },
      'no-answer',
      'stdout is not one JSON document',
    ],
  ] as const)('is failed after %s, and the niche is not asked', async (_, answer, reason, message) => {
    const asked = () => {
      throw new Error('asked');
    };
    expect(await consequenceOf(asked, answer)).toEqual({ status: 'failed', reason, message });
  });

  it.each([
    ['throws', () => Promise.reject(new Error('boom')), 'niche test threw: boom'],
    [
      'throws at once',
      () => {
        throw new Error('boom');
      },
      'niche test threw: boom',
    ],
    [
      'measures NaN',
      () => ({ status: 'measured', score: Number.NaN, details: null }),
      'niche test measured NaN, which is not a finite score',
    ],
    [
      'measures Infinity',
      () => ({ status: 'measured', score: Number.POSITIVE_INFINITY, details: null }),
      'niche test measured Infinity, which is not a finite score',
    ],
    [
      'gives details that are not JSON',
      () => ({ status: 'measured', score: 1, details: { when: () => 0 } as never }),
      expect.stringContaining('niche test returned no consequence'),
    ],
    [
      'gives a reason that does not exist',
      () => ({ status: 'failed', reason: 'bad luck' as never, message: '' }),
      expect.stringContaining('niche test returned no consequence'),
    ],
    ['says nothing', () => undefined as never, expect.stringContaining('niche test threw: Cannot read')],
  ] as [string, Niche['measure'], unknown][])('is a niche-error when the niche %s', async (_, measure, message) => {
    expect(await consequenceOf(measure)).toEqual({ status: 'failed', reason: 'niche-error', message });
  });

  it('is nothing at all when the sandbox failed, or the run was cancelled', async () => {
    const ask = (async () => {
      throw new SandboxUnavailableError('gone');
    }) as unknown as Ask;
    await expect(measureItem({ niche: fixed, ask }, request, situation, never)).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
    });
    const withoutSandbox = niche(() => Promise.reject(new SandboxUnavailableError('none for the niche')));
    const unmeasured = measureItem({ niche: withoutSandbox, ask: answering({}) }, request, situation, never);
    await expect(unmeasured).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    const controller = new AbortController();
    const cancelled = niche(() => {
      controller.abort(new Error('stop'));
      throw new Error('boom');
    });
    const measuring = measureItem({ niche: cancelled, ask: answering({}) }, request, situation, controller.signal);
    await expect(measuring).rejects.toThrow('stop');
  });
});

describe('what can be learnt from a measurement', () => {
  const trajectories = [{ steps: [{ prompt: 'free', completion: 'rm @1' }], gain: 5 }];
  const teaching = niche(() => ({ status: 'measured', score: 1, details: null, trajectories }));
  const measureOn = async (split: Split, more: object = {}) => {
    const genomes = createMemoryGenomeStore();
    const ports = { niche: teaching, ask: answering({}), genomes };
    const { item } = await measureItem(ports, { ...request, split, ...more }, { ...situation, split }, never);
    return { item, genomes };
  };

  it('is kept of training situations, by content, and is no part of the consequence', async () => {
    const { item, genomes } = await measureOn('train');
    expect(item.consequence).toEqual({ status: 'measured', score: 1, details: null });
    expect(trajectoriesOf(await genomes.get(item.trajectories!))).toEqual(trajectories);
  });

  it.each([
    ['selection', {}],
    ['test', {}],
    ['train', { trial: 'blind' }],
  ] as const)('is not kept of %s situations %j, so that nothing can learn from them', async (split, more) => {
    const { item } = await measureOn(split, more);
    expect(item).toEqual({ situation: 's1', consequence: expect.anything(), wallMs: expect.any(Number) });
  });

  it('is a niche-error when it is no trajectory', async () => {
    const wrong = [{ steps: [], gain: 1 }];
    const measure = () => ({ status: 'measured', score: 1, details: null, trajectories: wrong }) as never;
    expect(await consequenceOf(measure)).toMatchObject({ status: 'failed', reason: 'niche-error' });
  });
});

describe('an evaluation', () => {
  const item = (i: number, score: number | null): EvaluationItem => ({
    situation: `s${i}`,
    consequence:
      score === null
        ? { status: 'failed', reason: 'crash', message: 'exit 1' }
        : { status: 'measured', score, details: null },
    wallMs: 0,
  });
  const scores = fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 20 });

  it('scores the mean over all items when every one was measured', () => {
    expect(
      evaluationOf(
        'train',
        [1, 2, 6].map((s, i) => item(i, s)),
      ),
    ).toMatchObject({ score: 3, n: 3, split: 'train' });
    fc.assert(
      fc.property(scores, (some) => {
        const evaluation = evaluationOf(
          'selection',
          some.map((s, i) => item(i, s)),
        );
        const result = { evaluation, usage: noUsage };
        expect(() => checkResult('environment', 'e', { ...request, count: some.length }, result)).not.toThrow();
      }),
    );
  });

  it('has no score when any item failed; the first failure says why', () => {
    fc.assert(
      fc.property(scores, fc.nat(), (some, at) => {
        const first = at % some.length;
        const items = some.map((s, i) => item(i, i >= first ? null : s));
        const evaluation = evaluationOf('train', items);
        expect(evaluation).toEqual({
          ...{ status: 'failed', split: 'train', reason: 'crash' },
          message: `s${first}: exit 1`,
          items,
        });
      }),
    );
  });

  it('costs what its items cost; without a price for one, there is none for all', () => {
    const usage = { ...noUsage, calls: 1, costUsd: 0.5 };
    expect(
      usageOf([
        { item: item(0, 1), usage },
        { item: item(1, 1), usage },
      ]),
    ).toMatchObject({ calls: 2, costUsd: 1 });
    expect(
      usageOf([
        { item: item(0, 1), usage: { ...usage, costUsd: null } },
        { item: item(1, 1), usage },
      ]).costUsd,
    ).toBeNull();
    expect(usageOf([])).toEqual(noUsage);
  });
});

describe('the environment as an actor', () => {
  const asks = (asked: string[]): Ask =>
    (async (role: string, q: { split?: 'train'; count?: number; situation?: { id: string } }) => {
      asked.push(q.situation === undefined ? role : `${role} ${q.situation.id}`);
      return role === 'proposer'
        ? { situations: fixed.situations({ split: q.split!, seed: 1, count: q.count! }) }
        : solved;
    }) as unknown as Ask;

  it('asks the proposer once, then a solver per situation, and keeps the order', async () => {
    const asked: string[] = [];
    await using environment = createEnvironment({ niche: fixed, ask: asks(asked) });
    const { evaluation } = await environment.handle({ ...request, count: 3 }, never);
    expect(asked).toEqual(['proposer', 'solver s0', 'solver s1', 'solver s2']);
    expect(evaluation).toMatchObject({ status: 'measured', score: 7, n: 3 });
    expect(evaluation.items.map((i) => i.situation)).toEqual(['s0', 's1', 's2']);
  });

  it('asks about the places that are named, in a trial that its own requests are told', async () => {
    const requests: { trial?: string; count?: number }[] = [];
    const told = asks([]);
    const ask = ((role, q, signal) => {
      requests.push(q as (typeof requests)[number]);
      return told(role, q, signal);
    }) as Ask;
    await using environment = createEnvironment({ niche: fixed, ask });
    const again = { ...request, count: 2, places: [4, 1], trial: 'retest-1' };
    const { evaluation } = await environment.handle(again, never);
    expect(evaluation.items.map((i) => i.situation)).toEqual(['s4', 's1']);
    expect(requests[0]).toMatchObject({ count: 5 });
    expect(requests.map((q) => q.trial)).toEqual(['retest-1', 'retest-1', 'retest-1']);
  });
});
