import { raceAbort } from '../core/abort.ts';
import { BusClosedError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { createLogger, type Logger } from '../core/log.ts';
import type { Bus, Subscription } from './bus.ts';
import { frozenCopy } from './frozen-copy.ts';
import type { BusFaults } from './job-policy.ts';
import { createMailbox } from './mailbox.ts';
import { MemoryJobs } from './memory-jobs.ts';
import { MemoryResponders } from './memory-responders.ts';
import { MemoryRoutes } from './memory-routes.ts';
import { unwrap } from './outcome.ts';
import { checkPattern, checkQueue, checkSubject } from './subject-grammar.ts';
import { manyMayWait, within } from './tally.ts';

export interface MemoryBusOptions {
  readonly log?: Logger;
  /** How long closing waits for jobs in hand before their signals abort. Default 30 000. */
  readonly drainMs?: number;
  readonly faults?: BusFaults;
}

/**
 * The bus inside one process. Messages are frozen copies; subscribers run
 * after the publisher's current step, never inside it. Nothing outlives the
 * process: jobs still waiting at close are refused with BusClosedError. The
 * results of the last 1 000 jobs are remembered.
 */
export function createMemoryBus(options: MemoryBusOptions = {}): Bus {
  const log = options.log ?? createLogger({ bindings: { part: 'bus' } });
  const drainMs = options.drainMs ?? 30_000;
  const routes = new MemoryRoutes();
  const jobs = new MemoryJobs(options.faults ?? {});
  const responders = new MemoryResponders();
  let state: 'open' | 'draining' | 'closed' = 'open';
  let closing: Promise<void> | null = null;

  const assertOpen = () => {
    if (state !== 'open') throw new BusClosedError('the bus is closed');
  };

  const close = async () => {
    state = 'draining';
    jobs.refuseWaiting();
    responders.close();
    await jobs.drain(drainMs);
    state = 'closed';
    await within(routes.close(), drainMs);
  };

  return {
    capabilities: { crossProcess: false, durableJobs: false },

    publish(subject, message) {
      try {
        if (state === 'closed') throw new BusClosedError('the bus is closed');
        routes.publish(subject, message);
        return Promise.resolve();
      } catch (error) {
        return Promise.reject(error);
      }
    },

    async subscribe(pattern, handler, { maxPending = 10_000 } = {}) {
      assertOpen();
      checkPattern(pattern);
      const mailbox = createMailbox<readonly [Json, string]>(
        ([message, subject]) => handler(message, subject),
        maxPending,
        (err) => log.error({ err, pattern }, 'a subscriber failed'),
      );
      return routes.add(pattern, mailbox);
    },

    async request(subject, message, { timeoutMs, signal }) {
      if (state === 'closed') throw new BusClosedError('the bus is closed');
      checkSubject(subject);
      const outcome = await responders.ask(subject, frozenCopy(message), timeoutMs, manyMayWait(signal));
      return unwrap(outcome);
    },

    async respond(subject, handler): Promise<Subscription> {
      assertOpen();
      checkSubject(subject);
      return responders.add(subject, handler);
    },

    async submit(queue, job, { signal }) {
      assertOpen();
      checkQueue(queue);
      signal.throwIfAborted();
      const { outcome } = jobs.submit(queue, job);
      return unwrap(await raceAbort(outcome, manyMayWait(signal)));
    },

    async work(queue, handler, limits) {
      assertOpen();
      checkQueue(queue);
      return jobs.work(queue, handler, limits);
    },

    [Symbol.asyncDispose]() {
      closing ??= close();
      return closing;
    },
  };
}
