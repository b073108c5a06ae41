import { BusClosedError } from '../core/errors.ts';
import type { Job, Subscription, WorkOptions } from './bus.ts';
import { frozenCopy } from './frozen-copy.ts';
import { InHand } from './in-hand.ts';
import { type BusFaults, type JobHandler, jobLimits } from './job-policy.ts';
import { MemoryQueue, type MemoryWorker, type QueuedJob } from './memory-queue.ts';
import { failure, type Outcome } from './outcome.ts';
import { Tally } from './tally.ts';

/** Results that a later submit of the same key still gets. */
const maxRemembered = 1_000;

/** All queues of an in-process bus, and every job by its key. */
export class MemoryJobs {
  readonly #inHand = new InHand();
  readonly #queues = new Map<string, MemoryQueue>();
  readonly #jobs = new Map<string, QueuedJob>();
  /** Settled jobs, oldest first. */
  readonly #remembered = new Set<string>();
  readonly #faults: BusFaults;

  constructor(faults: BusFaults) {
    this.#faults = faults;
  }

  /** @returns the job of that key: a new one, the one under way, or a finished one. */
  submit(queue: string, job: Job): QueuedJob {
    const id = `${queue}\n${job.key}`;
    const known = this.#jobs.get(id);
    if (known !== undefined) return known;
    const created = createJob(id, { key: job.key, body: frozenCopy(job.body) }, (outcome) =>
      this.#remember(id, outcome),
    );
    this.#jobs.set(id, created);
    this.#queue(queue).add(created);
    return created;
  }

  work(queue: string, handler: JobHandler, options?: WorkOptions): Subscription {
    const worker: MemoryWorker = {
      handler: async (job, context) => frozenCopy(await handler(job, context)),
      limits: jobLimits(options),
      inHand: new Tally(),
    };
    this.#queue(queue).join(worker);
    return {
      dropped: 0,
      [Symbol.asyncDispose]: () => {
        this.#queue(queue).leave(worker);
        return worker.inHand.idle();
      },
    };
  }

  /** Takes no more jobs in hand; those that wait fail at once. */
  refuseWaiting(): void {
    for (const queue of this.#queues.values()) queue.close();
    this.#refuse((job) => !this.#inHand.has(job.id));
  }

  async drain(drainMs: number): Promise<void> {
    await this.#inHand.drain(drainMs);
    for (const queue of this.#queues.values()) queue.close();
    this.#refuse(() => true);
  }

  #refuse(which: (job: QueuedJob) => boolean): void {
    const outcome = failure(new BusClosedError('the bus was closed before the job was done'));
    for (const job of [...this.#jobs.values()]) {
      if (!job.isSettled && which(job)) job.settle(outcome);
    }
  }

  #remember(id: string, outcome: Outcome): void {
    if (outcome.status === 'abandoned') {
      this.#jobs.delete(id);
      return;
    }
    this.#remembered.add(id);
    if (this.#remembered.size <= maxRemembered) return;
    const [oldest] = this.#remembered;
    this.#remembered.delete(oldest!);
    this.#jobs.delete(oldest!);
  }

  #queue(name: string): MemoryQueue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const created = new MemoryQueue(this.#inHand, this.#faults);
    this.#queues.set(name, created);
    return created;
  }
}

function createJob(id: string, job: Job, onSettled: (outcome: Outcome) => void): QueuedJob {
  let resolve: (outcome: Outcome) => void = () => {};
  const outcome = new Promise<Outcome>((r) => {
    resolve = r;
  });
  let isSettled = false;
  return {
    id,
    ...job,
    outcome,
    deliveries: 0,
    lastError: undefined,
    get isSettled() {
      return isSettled;
    },
    settle(result) {
      if (isSettled) return;
      isSettled = true;
      resolve(result);
      onSettled(result);
    },
  };
}
