import { describe, expect, it } from 'vitest';
import { Cleanup } from '../../src/core/cleanup.ts';

describe('a cleanup', () => {
  it('runs its steps in reverse order, each after the one before has finished', async () => {
    const cleanup = new Cleanup();
    const log: string[] = [];
    cleanup.defer(() => void log.push('first'));
    const resource = cleanup.use({
      async [Symbol.asyncDispose]() {
        log.push('begin');
        await Promise.resolve();
        log.push('end');
      },
    });
    expect(typeof resource[Symbol.asyncDispose]).toBe('function');
    cleanup.defer(() => void log.push('last'));
    await cleanup[Symbol.asyncDispose]();
    expect(log).toEqual(['last', 'begin', 'end', 'first']);
  });

  it('runs every step when some fail, and reports all failures together', async () => {
    const cleanup = new Cleanup();
    let ran = 0;
    cleanup.defer(() => Promise.reject(new Error('one')));
    cleanup.defer(() => {
      ran += 1;
    });
    cleanup.defer(() => {
      throw new Error('two');
    });
    const failure = await cleanup[Symbol.asyncDispose]().then(
      () => null,
      (error: AggregateError) => error,
    );
    expect(failure?.errors.map((error: Error) => error.message)).toEqual(['two', 'one']);
    expect(ran).toBe(1);
  });

  it('runs once, and a second disposal waits for the first', async () => {
    const cleanup = new Cleanup();
    let finish = () => {};
    let runs = 0;
    cleanup.defer(() => {
      runs += 1;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    let isSecondDone = false;
    const first = cleanup[Symbol.asyncDispose]();
    const second = cleanup[Symbol.asyncDispose]().then(() => {
      isSecondDone = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSecondDone).toBe(false);
    finish();
    await Promise.all([first, second]);
    expect(runs).toBe(1);
  });

  it('still runs a step that is deferred while it runs', async () => {
    const cleanup = new Cleanup();
    const log: string[] = [];
    cleanup.defer(() => void log.push('outer'));
    cleanup.defer(() => cleanup.defer(() => void log.push('late')));
    await cleanup[Symbol.asyncDispose]();
    expect(log).toEqual(['late', 'outer']);
  });

  // Regression: a resource handed over after disposal was never released, without a word.
  it('refuses a step that would never run', async () => {
    const cleanup = new Cleanup();
    await cleanup[Symbol.asyncDispose]();
    expect(() => cleanup.defer(() => {})).toThrow('cleanup is over');
  });
});
