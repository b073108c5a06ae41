import { BusClosedError } from '../core/errors.ts';
import { Tally, within } from './tally.ts';

/** How long a handler may go on after its signal told it to stop, before the bus closes without it. */
const settleMs = 2_000;

/** The jobs a bus is working on. Each delivery has a signal of its own. */
export class InHand {
  readonly #tally = new Tally();
  readonly #deliveries = new Map<AbortController, string>();

  /** Runs a handler under `controller`'s signal; `id` names the job. */
  async run(id: string, controller: AbortController, work: () => Promise<void>): Promise<void> {
    this.#tally.enter();
    this.#deliveries.set(controller, id);
    try {
      await work();
    } finally {
      this.#deliveries.delete(controller);
      this.#tally.leave();
    }
  }

  has(id: string): boolean {
    return [...this.#deliveries.values()].includes(id);
  }

  /** Waits for what is in hand; after `drainMs` the signals abort, and soon after it is left behind. */
  async drain(drainMs: number): Promise<void> {
    if (await within(this.#tally.idle(), drainMs)) return;
    for (const controller of this.#deliveries.keys()) controller.abort(new BusClosedError('the bus was closed'));
    await within(this.#tally.idle(), settleMs);
  }
}
