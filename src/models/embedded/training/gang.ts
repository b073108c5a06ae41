/** Places in the shared control words. */
const word = { arrived: 0, round: 1, stop: 2, over: 3, claims: 4 } as const;
const claimCounters = 4;

/** Checked by who waits, in case the thread that should have come has died. */
const wakeMs = 500;

/**
 * Threads that work in lock-step over shared memory. Work between two barriers
 * is claimed piece by piece: who does a piece never changes its result.
 */
export class Gang {
  readonly size: number;
  readonly #words: Int32Array;

  constructor(control: SharedArrayBuffer, size: number) {
    this.size = size;
    this.#words = new Int32Array(control);
  }

  static control(): SharedArrayBuffer {
    return new SharedArrayBuffer(4 * (word.claims + claimCounters));
  }

  /** Waits for all others. @returns false when the work is over and the caller must leave. */
  barrier(): boolean {
    const words = this.#words;
    const round = Atomics.load(words, word.round);
    if (Atomics.add(words, word.arrived, 1) === this.size - 1) {
      Atomics.store(words, word.arrived, 0);
      Atomics.add(words, word.round, 1);
      Atomics.notify(words, word.round);
      return !this.isOver;
    }
    // The others are usually microseconds away.
    for (let i = 0; i < 2_000; i += 1) if (Atomics.load(words, word.round) !== round) return !this.isOver;
    while (Atomics.load(words, word.round) === round && !this.isOver) Atomics.wait(words, word.round, round, wakeMs);
    return !this.isOver;
  }

  /** The next piece of a kind of work, from 0; each number is given once. */
  claim(kind: number): number {
    return Atomics.add(this.#words, word.claims + kind, 1);
  }

  /** Every piece is to be had again. Only between barriers, by one thread. */
  resetClaims(): void {
    for (let kind = 0; kind < claimCounters; kind += 1) Atomics.store(this.#words, word.claims + kind, 0);
  }

  /** Asks for an end at the next safe point. */
  requestStop(): void {
    Atomics.store(this.#words, word.stop, 1);
  }

  get isStopRequested(): boolean {
    return Atomics.load(this.#words, word.stop) === 1;
  }

  /** Sends everybody home from the barrier they wait at or reach next. */
  end(): void {
    Atomics.store(this.#words, word.over, 1);
    Atomics.notify(this.#words, word.round);
  }

  get isOver(): boolean {
    return Atomics.load(this.#words, word.over) === 1;
  }
}
