import { BusClosedError, BusUnavailableError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { Fifo } from './fifo.ts';
import type { InHand } from './in-hand.ts';
import { attempt, type BusFaults, type JobHandler, type JobLimits, type NextStep } from './job-policy.ts';
import { abandoned, failure, type Outcome } from './outcome.ts';
import type { Tally } from './tally.ts';

/** A job from its first submit to its result. */
export interface QueuedJob {
  readonly id: string;
  readonly key: string;
  readonly body: Json;
  readonly outcome: Promise<Outcome>;
  /** The first outcome stands; later ones change nothing. */
  settle(outcome: Outcome): void;
  readonly isSettled: boolean;
  deliveries: number;
  lastError: unknown;
}

export interface MemoryWorker {
  readonly handler: JobHandler;
  readonly limits: JobLimits;
  readonly inHand: Tally;
}

/**
 * One queue: jobs wait in order, workers with a free hand take turns. A
 * handler's pending promise is its own sign of life, so a lease ends early
 * only where a fault says so.
 */
export class MemoryQueue {
  readonly #waiting = new Fifo<QueuedJob>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #inHand: InHand;
  readonly #faults: BusFaults;
  #workers: MemoryWorker[] = [];

  constructor(inHand: InHand, faults: BusFaults) {
    this.#inHand = inHand;
    this.#faults = faults;
  }

  add(job: QueuedJob): void {
    this.#waiting.push(job);
    this.#dispatch();
  }

  join(worker: MemoryWorker): void {
    this.#workers.push(worker);
    this.#dispatch();
  }

  leave(worker: MemoryWorker): void {
    this.#workers = this.#workers.filter((other) => other !== worker);
  }

  close(): void {
    this.#workers = [];
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const at = this.#workers.findIndex((worker) => worker.inHand.count < worker.limits.concurrency);
      if (at === -1) return;
      const job = this.#waiting.shift()!;
      if (job.isSettled) continue;
      const [worker] = this.#workers.splice(at, 1);
      this.#workers.push(worker!);
      void this.#deliver(job, worker!);
    }
  }

  async #deliver(job: QueuedJob, worker: MemoryWorker): Promise<void> {
    job.deliveries += 1;
    const delivery = job.deliveries;
    if (delivery > worker.limits.maxDeliveries) {
      job.settle(abandoned(job.key, delivery - 1, job.lastError));
      return;
    }
    const lease = new AbortController();
    const request = { key: job.key, body: job.body };
    if (this.#faults.losesLease?.(request, delivery)) this.#loseLease(job, lease, worker.limits.leaseMs);
    worker.inHand.enter();
    try {
      await this.#inHand.run(job.id, lease, async () => {
        this.#take(job, await attempt(worker.handler, worker.limits, request, { delivery, signal: lease.signal }));
      });
    } finally {
      worker.inHand.leave();
      this.#dispatch();
    }
  }

  #take(job: QueuedJob, step: NextStep): void {
    if (step.kind === 'settle') {
      job.settle(step.outcome);
    } else if (step.kind === 'redeliver') {
      job.lastError = step.error;
      this.#later(step.delayMs, () => this.add(job));
    } else if (step.isClosing) {
      job.settle(failure(new BusClosedError('the bus was closed before the job was done')));
    }
  }

  #loseLease(job: QueuedJob, lease: AbortController, leaseMs: number): void {
    this.#later(leaseMs, () => {
      lease.abort(new BusUnavailableError(`the lease on job ${job.key} was lost`));
      this.add(job);
    });
  }

  #later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
  }
}
