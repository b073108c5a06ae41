/** The only source of time. Milliseconds since the Unix epoch. */
export interface Clock {
  now(): number;
}

export const wallClock: Clock = { now: () => Date.now() };

/** A clock that moves only when told to. */
export class SimulatedClock implements Clock {
  #nowMs: number;
  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }
  now(): number {
    return this.#nowMs;
  }
  increment(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Monotonic milliseconds for measuring durations; the origin means nothing. */
export function monotonicMs(): number {
  return performance.now();
}
