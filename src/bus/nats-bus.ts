import { BusClosedError, IdInvalidError } from '../core/errors.ts';
import type { RunId } from '../core/ids.ts';
import { createLogger, type Logger } from '../core/log.ts';
import type { Bus, Subscription } from './bus.ts';
import { InHand } from './in-hand.ts';
import { type BusFaults, jobLimits } from './job-policy.ts';
import type { NatsCredential } from './nats-authorization.ts';
import { NatsEvents } from './nats-events.ts';
import { openNatsLink } from './nats-link.ts';
import { NatsPayloads } from './nats-payload.ts';
import { NatsResults } from './nats-results.ts';
import { createNatsStorage, removeNatsStorage } from './nats-storage.ts';
import { NatsSubmits } from './nats-submits.ts';
import { startNatsWorker } from './nats-worker.ts';
import { unwrap } from './outcome.ts';
import { checkPattern, checkQueue, checkSubject } from './subject-grammar.ts';
import { manyMayWait, within } from './tally.ts';

export interface NatsBusOptions {
  /** One URL or several, separated by commas; `nats://user:password@host:4222` is understood. */
  readonly servers: string;
  readonly run: RunId;
  /** Where the server knows its clients by `natsAuthorization`: the runtime's. */
  readonly credential?: NatsCredential;
  readonly log?: Logger;
  /** How long closing waits for jobs in hand before their signals abort. Default 30 000. */
  readonly drainMs?: number;
  readonly faults?: BusFaults;
}

/**
 * The bus over NATS: events and questions over core NATS, jobs on one
 * JetStream work queue per run. Jobs and results lie in the server's file
 * store, so they outlive every process of the run and a restart of the
 * server (an acknowledged job is not yet on disk when the machine itself
 * loses power). A lost connection is restored for ever: `submit` and `work`
 * go on where they were, `publish` waits, `request` fails in time.
 *
 * @throws {BusUnavailableError} naming the URL and what to start.
 */
export async function createNatsBus(options: NatsBusOptions): Promise<Bus> {
  const log = options.log ?? createLogger({ bindings: { part: 'bus' } });
  const link = await openNatsLink(options.servers, `galapagos ${options.run}`, log, options.credential);
  const storage = createNatsStorage(link, options.run);
  try {
    await storage.persist(storage.ensure, link.lifetime);
  } catch (error) {
    await link.close();
    throw error;
  }
  const payloads = new NatsPayloads(link, storage);
  const results = new NatsResults(link, storage, payloads);
  const submits = new NatsSubmits(link, storage, payloads, results);
  const events = new NatsEvents(link, payloads, log);
  const inHand = new InHand();
  const faults = options.faults ?? {};
  const onSettled = submits.settled.bind(submits);
  const deps = { link, storage, payloads, results, inHand, log, faults, onSettled };
  return assemble(options, { ...deps, submits, events });
}

/** Removes the streams and buckets a run left on a server. @throws {BusUnavailableError} */
export async function destroyNatsRun(servers: string, run: RunId, credential?: NatsCredential): Promise<void> {
  const link = await openNatsLink(servers, `galapagos ${run}`, createLogger({ bindings: { part: 'bus' } }), credential);
  try {
    await link.persist(() => removeNatsStorage(link, run), link.lifetime);
  } finally {
    await link.close();
  }
}

type Parts = Parameters<typeof startNatsWorker>[0] & { readonly submits: NatsSubmits; readonly events: NatsEvents };

function assemble({ run, drainMs = 30_000 }: NatsBusOptions, parts: Parts): Bus {
  const { link, submits, events, inHand } = parts;
  const workers = new Set<Subscription & { stopTaking(): Promise<void> }>();
  const subscriptions = new Set<Subscription>();
  let state: 'open' | 'draining' | 'closed' = 'open';
  let closing: Promise<void> | null = null;

  const assertOpen = () => {
    if (state !== 'open') throw new BusClosedError('the bus is closed');
  };
  const checkOwnQueue = (queue: string) => {
    checkQueue(queue);
    if (queue.split('.')[2] !== run) throw new IdInvalidError(`${queue} is not a work queue of the run ${run}`);
  };
  const keep = <S extends Subscription>(kept: Set<S>, subscription: S): Subscription => {
    kept.add(subscription);
    return {
      get dropped() {
        return subscription.dropped;
      },
      async [Symbol.asyncDispose]() {
        await subscription[Symbol.asyncDispose]();
        kept.delete(subscription);
      },
    };
  };

  const close = async () => {
    state = 'draining';
    await Promise.all([...workers].map((worker) => worker.stopTaking()));
    submits.refuse((id) => !inHand.has(id));
    await inHand.drain(drainMs);
    submits.refuse(() => true);
    state = 'closed';
    await within(Promise.all([...subscriptions].map((s) => s[Symbol.asyncDispose]())), drainMs);
    await link.close();
  };

  return {
    capabilities: { crossProcess: true, durableJobs: true },

    publish(subject, message) {
      if (state === 'closed') return Promise.reject(new BusClosedError('the bus is closed'));
      return events.publish(subject, message);
    },

    async subscribe(pattern, handler, { maxPending = 10_000 } = {}) {
      assertOpen();
      checkPattern(pattern);
      return keep(subscriptions, await events.subscribe(pattern, handler, maxPending));
    },

    async request(subject, message, { timeoutMs, signal }) {
      if (state === 'closed') throw new BusClosedError('the bus is closed');
      checkSubject(subject);
      return unwrap(await events.request(subject, message, timeoutMs, manyMayWait(signal)));
    },

    async respond(subject, handler) {
      assertOpen();
      checkSubject(subject);
      return keep(subscriptions, await events.respond(subject, handler));
    },

    async submit(queue, job, { signal }) {
      assertOpen();
      checkOwnQueue(queue);
      signal.throwIfAborted();
      return submits.submit(queue, job, manyMayWait(signal));
    },

    async work(queue, handler, limits) {
      assertOpen();
      checkOwnQueue(queue);
      return keep(workers, await startNatsWorker(parts, queue, handler, jobLimits(limits)));
    },

    [Symbol.asyncDispose]() {
      closing ??= close();
      return closing;
    },
  };
}
