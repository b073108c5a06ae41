import { freemem } from 'node:os';
import { onAbort } from '../src/core/abort.ts';
import { ConfigInvalidError, SandboxUnavailableError } from '../src/core/errors.ts';

/** What all sandboxes of a process may take together. The fields are named as in `sandbox.ceiling`. */
export interface CeilingLimits {
  readonly sandboxes: number;
  /** Memory, and volumes that lie in memory. */
  readonly memoryMiB: number;
  /** No sandbox is opened while the machine has less memory available than this. */
  readonly minFreeMemoryMiB: number;
}

/** What one sandbox needs, and the limits that its run has set for all. */
export interface Need {
  readonly memoryMiB: number;
  readonly limits: CeilingLimits;
}

/** Room for one sandbox, held from before it is opened until it is gone. */
export interface Place {
  /** Nobody uses the sandbox: `giveUp` is called, once, when somebody waits for its room. */
  offer(giveUp: () => void): void;
  /** Takes the offer back. */
  keep(): void;
  /** The sandbox is gone. Doing it twice changes nothing. */
  leave(): void;
}

interface Held extends Place {
  readonly memoryMiB: number;
  giveUp: (() => void) | null;
  isLeaving: boolean;
}

interface Waiter extends Need {
  readonly onWait: (why: string) => void;
  readonly admit: (place: Place) => void;
  looks: number;
}

/** Memory comes back without telling anybody, so while somebody waits it is looked at this often. */
const lookMs = 250;
/** Two seconds: whoever waits longer is told why. */
const patienceLooks = 8;

/**
 * Bounds what a process's sandboxes take of the machine, all runs together.
 *
 * I1. Whoever must wait is served in the order of coming; nobody overtakes.
 * I2. Unused sandboxes are asked back, oldest first, before anybody waits for used ones.
 * I3. With an empty queue there is no timer.
 *
 * Whoever holds a place must not wait for a second one: with every place held
 * by such a holder nobody would ever go on.
 */
export class Ceiling {
  readonly #availableMiB: () => number;
  readonly #places = new Set<Held>();
  readonly #queue: Waiter[] = [];
  #timer: NodeJS.Timeout | null = null;
  #isTold = false;

  /** @param availableMiB - What the machine could hand out now without swapping. */
  constructor(availableMiB: () => number = machineAvailableMiB) {
    this.#availableMiB = availableMiB;
  }

  /**
   * Waits for room.
   * @param onWait - Told the reason when somebody has waited for two seconds; once until nobody waits any more.
   * @throws {ConfigInvalidError} at once when it could never fit.
   * @throws {SandboxUnavailableError} when `signal` aborts first.
   */
  async enter(need: Need, signal: AbortSignal, onWait: (why: string) => void): Promise<Place> {
    checkFits(need);
    return new Promise<Place>((resolve, reject) => {
      const waiter: Waiter = {
        ...need,
        onWait,
        looks: 0,
        admit: (place) => {
          following[Symbol.dispose]();
          resolve(place);
        },
      };
      const following = onAbort([signal], (cause) => {
        const at = this.#queue.indexOf(waiter);
        if (at !== -1) this.#queue.splice(at, 1);
        reject(new SandboxUnavailableError('opening the sandbox was cancelled', { cause }));
        this.#serve();
      });
      if (signal.aborted) return;
      this.#queue.push(waiter);
      this.#serve();
    });
  }

  /** A place now, or `null` where there is no room or somebody waits for it. */
  enterIfRoom(need: Need): Place | null {
    const isFree = this.#queue.length === 0 && this.#obstacle(need, [...this.#places]) === null;
    return isFree ? this.#take(need.memoryMiB) : null;
  }

  #take(memoryMiB: number): Place {
    const held: Held = {
      memoryMiB,
      giveUp: null,
      isLeaving: false,
      offer: (giveUp) => {
        held.giveUp = giveUp;
        this.#serve();
      },
      keep: () => {
        held.giveUp = null;
      },
      leave: () => {
        held.giveUp = null;
        if (this.#places.delete(held)) this.#serve();
      },
    };
    this.#places.add(held);
    return held;
  }

  #serve(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if (this.#obstacle(first, [...this.#places]) !== null) break;
      this.#queue.shift();
      first.admit(this.#take(first.memoryMiB));
    }
    this.#askBack();
    this.#watch();
  }

  /** As many unused ones as the first in the queue needs, counting those that are leaving already. */
  #askBack(): void {
    for (const place of this.#places) {
      const [first] = this.#queue;
      const staying = [...this.#places].filter((other) => !other.isLeaving);
      if (first === undefined || this.#obstacle(first, staying) === null) return;
      const { giveUp } = place;
      if (giveUp === null) continue;
      place.giveUp = null;
      place.isLeaving = true;
      giveUp();
    }
  }

  #watch(): void {
    if (this.#queue.length > 0) {
      this.#timer ??= setInterval(() => this.#look(), lookMs);
      return;
    }
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#isTold = false;
  }

  #look(): void {
    this.#serve();
    for (const waiter of this.#queue) waiter.looks += 1;
    const [first] = this.#queue;
    if (first === undefined || this.#isTold || first.looks < patienceLooks) return;
    const why = this.#obstacle(first, [...this.#places]);
    if (why === null) return;
    this.#isTold = true;
    first.onWait(why);
  }

  #obstacle({ memoryMiB, limits }: Need, places: readonly Held[]): string | null {
    if (places.length >= limits.sandboxes) {
      return `${places.length} open already, and sandbox.ceiling.sandboxes is ${limits.sandboxes}`;
    }
    const takenMiB = places.reduce((sum, place) => sum + place.memoryMiB, 0);
    if (takenMiB + memoryMiB > limits.memoryMiB) {
      return `open ones take ${takenMiB} MiB and this one ${memoryMiB}, and sandbox.ceiling.memoryMiB is ${limits.memoryMiB}`;
    }
    const availableMiB = Math.floor(this.#availableMiB());
    if (availableMiB < limits.minFreeMemoryMiB) {
      return `the machine has ${availableMiB} MiB of memory left, and sandbox.ceiling.minFreeMemoryMiB is ${limits.minFreeMemoryMiB}`;
    }
    return null;
  }
}

/** @throws {ConfigInvalidError} when a sandbox is larger than all of them together may be. */
export function checkFits({ memoryMiB, limits }: Need): void {
  if (memoryMiB <= limits.memoryMiB) return;
  throw new ConfigInvalidError(
    `one sandbox needs ${memoryMiB} MiB (sandbox.memoryMiB, and sandbox.diskMiB where its volume is memory), and all together may take ${limits.memoryMiB} (sandbox.ceiling.memoryMiB, by default three quarters of the machine's memory): lower the first or raise the second`,
  );
}

/**
 * `MemAvailable` on Linux, which is what `freemem` reads there. Elsewhere
 * unlimited: what other systems call free leaves out most of what they would
 * hand out, and waiting for it would be waiting for nothing.
 */
export function machineAvailableMiB(): number {
  return process.platform === 'linux' ? freemem() / 2 ** 20 : Number.POSITIVE_INFINITY;
}
