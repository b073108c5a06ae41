import { expect } from 'vitest';
import { BudgetExhaustedError, ModelUnavailableError } from '../../../src/core/errors.ts';
import type { Json } from '../../../src/core/json.ts';
import { calm, deferred, factOf, freshRun, mebibyte, type OpenBus, type TestFunction } from './setup.ts';

export function busRequestTests(open: OpenBus, it: TestFunction): void {
  it('answers a request', async () => {
    const run = freshRun();
    await using bus = await open(run);
    await bus.respond(factOf(run), async (message) => ({ asked: message }));
    const answer = await bus.request(factOf(run), { n: 1 }, { timeoutMs: 5_000, signal: calm });
    expect(answer).toEqual({ asked: { n: 1 } });
  });

  it('carries a question and an answer of one mebibyte', async () => {
    const run = freshRun();
    await using bus = await open(run);
    await bus.respond(factOf(run), async (message) => [message]);
    const answer = await bus.request(factOf(run), mebibyte, { timeoutMs: 10_000, signal: calm });
    expect(answer).toEqual([mebibyte]);
  });

  it('fails at once when nobody responds', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const asked = bus.request(factOf(run), 1, { timeoutMs: 20_000, signal: calm });
    await expect(asked).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE', retryable: true });
    await expect(asked).rejects.toThrow('nobody responds');
  });

  it('fails at once when the only responder has left', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const responder = await bus.respond(factOf(run), async () => 1);
    await responder[Symbol.asyncDispose]();
    const asked = bus.request(factOf(run), 1, { timeoutMs: 20_000, signal: calm });
    await expect(asked).rejects.toThrow('nobody responds');
  });

  it('fails after the time limit when the responder is too slow', async () => {
    const run = freshRun();
    await using bus = await open(run);
    const gate = deferred();
    await bus.respond(factOf(run), async () => {
      await gate.promise;
      return 1;
    });
    const asked = bus.request(factOf(run), 1, { timeoutMs: 60, signal: calm });
    await expect(asked).rejects.toThrow('within 60 ms');
    await expect(asked).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    gate.resolve();
  });

  it("rejects with the signal's reason when it aborts", async () => {
    const run = freshRun();
    await using bus = await open(run);
    const gate = deferred();
    const asked = deferred();
    await bus.respond(factOf(run), async () => {
      asked.resolve();
      await gate.promise;
      return 1;
    });
    const stop = new AbortController();
    const answer = bus.request(factOf(run), 1, { timeoutMs: 20_000, signal: stop.signal });
    const reason = new Error('no longer wanted');
    answer.catch(() => {});
    await asked.promise;
    stop.abort(reason);
    await expect(answer).rejects.toBe(reason);
    gate.resolve();
  });

  it('gives the asker the error of the responder: code, message, retry bit, details and class', async () => {
    const run = freshRun();
    await using bus = await open(run);
    await bus.respond(factOf(run), async (message) => {
      if (message === 'budget') throw new BudgetExhaustedError('no tokens left', { details: { limit: 10 } });
      throw new ModelUnavailableError('overloaded');
    });
    const budget = await bus
      .request(factOf(run), 'budget', { timeoutMs: 5_000, signal: calm })
      .catch((e: unknown) => e);
    expect(budget).toBeInstanceOf(BudgetExhaustedError);
    expect(budget).toMatchObject({
      code: 'BUDGET_EXHAUSTED',
      retryable: false,
      message: 'no tokens left',
      details: { limit: 10 },
    });
    const model = bus.request(factOf(run), 'model', { timeoutMs: 5_000, signal: calm });
    await expect(model).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true });
  });

  it('reports a foreign error of the responder as a broken contract', async () => {
    const run = freshRun();
    await using bus = await open(run);
    await bus.respond(factOf(run), async () => {
      throw new TypeError('x is not a function');
    });
    const asked = bus.request(factOf(run), 1, { timeoutMs: 5_000, signal: calm });
    await expect(asked).rejects.toMatchObject({ code: 'CONTRACT_VIOLATED', retryable: false });
    await expect(asked).rejects.toThrow('x is not a function');
  });

  it.each([undefined, { n: 1n }])('reports the answer %o, which is not JSON, to the asker', async (answer) => {
    const run = freshRun();
    await using bus = await open(run);
    await bus.respond(factOf(run), async () => answer as unknown as Json);
    const asked = bus.request(factOf(run), 1, { timeoutMs: 5_000, signal: calm });
    await expect(asked).rejects.toMatchObject({ code: 'MESSAGE_INVALID' });
  });

  it('lets one of several responders answer', async () => {
    const run = freshRun();
    await using bus = await open(run);
    let answers = 0;
    for (let n = 0; n < 3; n += 1) {
      await bus.respond(factOf(run), async () => {
        answers += 1;
        return answers;
      });
    }
    await bus.request(factOf(run), null, { timeoutMs: 5_000, signal: calm });
    expect(answers).toBe(1);
  });
}
