/**
 * Undoes things in reverse order; stands in for `AsyncDisposableStack`, which
 * Node 20 lacks. Disposal is idempotent, and every step runs even if an
 * earlier one throws: the failures come out together as one AggregateError.
 */
export class Cleanup implements AsyncDisposable {
  #steps: (() => PromiseLike<void> | void)[] = [];
  #done: Promise<void> | null = null;
  #isOver = false;

  /** Registers a resource for disposal and returns it. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  /** @throws {Error} after disposal: the step would never run. During disposal it still does. */
  defer(step: () => PromiseLike<void> | void): void {
    if (this.#isOver) throw new Error('cleanup is over: nothing can be deferred any more');
    this.#steps.push(step);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#done ??= this.#run();
    return this.#done;
  }

  async #run(): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#isOver = true;
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, 'cleanup failed');
  }
}
