import { setMaxListeners } from 'node:events';

/** Counts work in hand and tells when there is none. */
export class Tally {
  #count = 0;
  #waiters: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  enter(): void {
    this.#count += 1;
  }

  leave(): void {
    this.#count -= 1;
    if (this.#count > 0) return;
    for (const done of this.#waiters.splice(0)) done();
  }

  /** Resolves as soon as nothing is in hand. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }
}

/** Waits for `work`, but no longer than `timeoutMs`; says whether it was done in time. */
export async function within(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Hundreds of jobs may wait under one run-long signal; that is no leak, and Node need not warn of one. */
export function manyMayWait(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}
