import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deadline, onAbort, raceAbort, sleep } from '../../src/core/abort.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('onAbort', () => {
  it('tells once, with the reason of the signal that aborted first, and keeps no listener', () => {
    const [a, b] = [new AbortController(), new AbortController()];
    const reasons: unknown[] = [];
    using _ = onAbort([a.signal, b.signal], (reason) => reasons.push(reason));
    b.abort('second');
    a.abort('first');
    expect(reasons).toEqual(['second']);
    expect([listeners(a.signal), listeners(b.signal)]).toEqual([0, 0]);
  });

  it('tells at once when one has aborted already, and nothing once it is disposed', () => {
    const reasons: unknown[] = [];
    onAbort([new AbortController().signal, AbortSignal.abort('early')], (reason) => reasons.push(reason));
    expect(reasons).toEqual(['early']);
    const later = new AbortController();
    onAbort([later.signal], (reason) => reasons.push(reason))[Symbol.dispose]();
    expect(listeners(later.signal)).toBe(0);
    later.abort('late');
    expect(reasons).toEqual(['early']);
  });
});

describe('deadline', () => {
  it('aborts with a TimeoutError when its time is up, and not before', () => {
    using limit = deadline(new AbortController().signal, 1_000);
    vi.advanceTimersByTime(999);
    expect(limit.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(limit.signal.reason).toMatchObject({ name: 'TimeoutError', message: 'no result in 1000 ms' });
  });

  it('follows its parent with the same reason, also when that has aborted already', () => {
    const parent = new AbortController();
    using before = deadline(parent.signal, 1_000);
    parent.abort('stop');
    using after = deadline(parent.signal, 1_000);
    expect([before.signal.reason, after.signal.reason]).toEqual(['stop', 'stop']);
  });

  it('does not abort its parent', () => {
    const parent = new AbortController();
    using limit = deadline(parent.signal, 1);
    vi.advanceTimersByTime(1);
    expect([limit.signal.aborted, parent.signal.aborted]).toEqual([true, false]);
  });

  it('leaves neither listener nor timer behind when disposed', () => {
    const parent = new AbortController();
    for (let i = 0; i < 100; i += 1) {
      using limit = deadline(parent.signal, 1_000);
      expect(limit.signal.aborted).toBe(false);
    }
    expect([listeners(parent.signal), vi.getTimerCount()]).toEqual([0, 0]);
  });

  // Regression: a timer of more than 31 bits fires after one millisecond.
  it.each([2 ** 31, 90 * 86_400_000, Number.POSITIVE_INFINITY])(
    'is not over at once for a limit of %d ms',
    (timeoutMs) => {
      using limit = deadline(new AbortController().signal, timeoutMs);
      vi.advanceTimersByTime(86_400_000);
      expect(limit.signal.aborted).toBe(false);
    },
  );
});

describe('raceAbort', () => {
  it('settles as the work does, and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    await expect(raceAbort(Promise.resolve(7), signal)).resolves.toBe(7);
    await expect(raceAbort(Promise.reject(new Error('boom')), signal)).rejects.toThrow('boom');
    await Promise.resolve();
    expect(listeners(signal)).toBe(0);
  });

  it('rejects with the reason as soon as the signal aborts, however long the work goes on', async () => {
    const controller = new AbortController();
    const raced = raceAbort(new Promise(() => {}), controller.signal);
    controller.abort(new Error('stop'));
    await expect(raced).rejects.toThrow('stop');
    expect(listeners(controller.signal)).toBe(0);
  });

  // Regression: work that was given up before the race began failed unhandled.
  it.each(['before', 'during'])('handles the failure of work that was given up %s the race', async (when) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      const controller = new AbortController();
      if (when === 'before') controller.abort('stop');
      const raced = raceAbort(Promise.reject(new Error('late')), controller.signal);
      controller.abort('stop');
      await expect(raced).rejects.toBe('stop');
      vi.useRealTimers();
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('sleep', () => {
  it('ends after its time and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    const slept = sleep(1_000, signal);
    expect(listeners(signal)).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(slept).resolves.toBeUndefined();
    expect(listeners(signal)).toBe(0);
  });

  it('rejects with the reason of an abort, during it or before it, and leaves no timer behind', async () => {
    const controller = new AbortController();
    const slept = sleep(1_000, controller.signal);
    controller.abort('stop');
    await expect(slept).rejects.toBe('stop');
    await expect(sleep(1_000, controller.signal)).rejects.toBe('stop');
    expect([listeners(controller.signal), vi.getTimerCount()]).toEqual([0, 0]);
  });
});
