import { z } from 'zod';
import { monotonicMs } from '../core/clock.ts';
import { BusUnavailableError, MessageInvalidError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import type { Job, Subscription } from './bus.ts';
import type { InHand } from './in-hand.ts';
import { afterError, attempt, type BusFaults, type JobHandler, type JobLimits, type NextStep } from './job-policy.ts';
import type { NatsDelivery } from './nats-delivery.ts';
import type { NatsLink } from './nats-link.ts';
import { decodeJson, encodeJson, type NatsPayloads, received } from './nats-payload.ts';
import { NatsPuller } from './nats-pull.ts';
import type { NatsResults, ResultRecord } from './nats-results.ts';
import type { NatsStorage } from './nats-storage.ts';
import { abandoned } from './outcome.ts';
import { Tally } from './tally.ts';

export interface WorkerDeps {
  readonly link: NatsLink;
  readonly storage: NatsStorage;
  readonly payloads: NatsPayloads;
  readonly results: NatsResults;
  readonly inHand: InHand;
  readonly log: Logger;
  readonly faults: BusFaults;
  /** Told of every result, so that a submitter in this process need not wait for the server's word. */
  readonly onSettled: (id: string, record: ResultRecord) => void;
}

const jobSchema = z.strictObject({ key: z.string(), body: z.custom<Json>((value) => value !== undefined) });

/** `<job id>.<attempt>`: known without looking at the payload, which may be gone when the job is done. */
const msgIdPattern = /^([0-9a-f]{64})\.([1-9][0-9]{0,8})$/;

/** Says that a job is still in hand this often at least, whatever lease it has. */
const maxBeatMs = 5_000;

interface Delivered {
  readonly delivery: NatsDelivery;
  readonly id: string;
  readonly attempt: number;
  readonly lease: AbortController;
}

/** @returns once the worker is known to the queue. */
export async function startNatsWorker(
  deps: WorkerDeps,
  queue: string,
  handler: JobHandler,
  limits: JobLimits,
): Promise<Subscription & { stopTaking(): Promise<void> }> {
  const { link, storage, log } = deps;
  const busy = new Tally();
  // What crosses the wire, also for a submitter in this process.
  const toJson: JobHandler = async (job, context) => decodeJson(encodeJson(await handler(job, context)));
  const { jobsStream, consumer } = storage.names;
  const take = async (delivery: NatsDelivery) => {
    busy.enter();
    try {
      await deliver(deps, toJson, limits, delivery);
    } catch (err) {
      if (!link.lifetime.aborted) log.error({ err, queue }, 'a job could not be dealt with; it will come again');
    } finally {
      busy.leave();
      puller.ask();
    }
  };
  const puller = new NatsPuller(
    link,
    {
      subject: `$JS.API.CONSUMER.MSG.NEXT.${jobsStream}.${consumer(queue)}`,
      prepare: () => storage.persist(() => storage.ensureConsumer(queue, limits.leaseMs), link.lifetime),
      freeHands: () => limits.concurrency - busy.count,
      take: (delivery) => void take(delivery),
    },
    log,
  );
  await puller.start();
  return {
    dropped: 0,
    stopTaking: () => puller.close(),
    async [Symbol.asyncDispose]() {
      await puller.close();
      await busy.idle();
    },
  };
}

async function deliver(
  deps: WorkerDeps,
  handler: JobHandler,
  limits: JobLimits,
  delivery: NatsDelivery,
): Promise<void> {
  const parts = msgIdPattern.exec(delivery.msg.headers?.get('Nats-Msg-Id') ?? '');
  if (parts === null) {
    deps.log.error({ queue: delivery.msg.subject }, 'a message on a work queue is no job; it is removed');
    delivery.ack();
    return;
  }
  const lease = new AbortController();
  const delivered = { delivery, id: parts[1]!, attempt: Number(parts[2]), lease };
  await deps.inHand.run(delivered.id, lease, () => dealWith(deps, handler, limits, delivered));
}

/** The job may be done already: its acknowledgement was lost, or its key was submitted again. */
async function dealWith(deps: WorkerDeps, handler: JobHandler, limits: JobLimits, job: Delivered): Promise<void> {
  const { link, results } = deps;
  const known = await results.read(job.id, link.lifetime);
  if (known !== null && (known.attempt >= job.attempt || known.outcome.status !== 'abandoned')) {
    results.announce(job.id, known);
    await finish(deps, job.delivery);
    return;
  }
  const step = await work(deps, handler, limits, job);
  if (step.kind === 'settle') {
    const record = { attempt: job.attempt, outcome: step.outcome };
    deps.onSettled(job.id, await results.settle(job.id, record, known, link.lifetime));
    await finish(deps, job.delivery);
  } else if (step.kind === 'redeliver') {
    job.delivery.nak(step.delayMs);
  } else if (step.isClosing) {
    job.delivery.nak(0);
  }
}

async function finish({ payloads, link }: WorkerDeps, delivery: NatsDelivery): Promise<void> {
  delivery.ack();
  await payloads.discard(received(delivery.msg.data, delivery.msg.headers), link.lifetime);
}

/** Reads the job and runs the handler, with the lease kept alive for as long as both take. */
async function work(deps: WorkerDeps, handler: JobHandler, limits: JobLimits, job: Delivered): Promise<NextStep> {
  const { msg, count } = job.delivery;
  const context = { signal: job.lease.signal, delivery: count };
  const beat = startHeartbeat(deps.link, job.delivery, limits.leaseMs, job.lease);
  let key = job.id;
  try {
    const request = parseJob(await deps.payloads.unpack(received(msg.data, msg.headers), job.lease.signal));
    key = request.key;
    if (count > limits.maxDeliveries) return { kind: 'settle', outcome: abandoned(key, count - 1, undefined) };
    if (deps.faults.losesLease?.(request, count)) beat.pause();
    return await attempt(handler, limits, request, context);
  } catch (error) {
    return afterError(error, key, limits, context);
  } finally {
    beat.stop();
  }
}

function parseJob(bytes: Uint8Array): Job {
  const parsed = jobSchema.safeParse(decodeJson(bytes));
  if (!parsed.success) throw new MessageInvalidError(`a job on the bus: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** Renews the lease while the server can be told; aborts when it has run out. */
function startHeartbeat(link: NatsLink, delivery: NatsDelivery, leaseMs: number, lease: AbortController) {
  let isPaused = false;
  let lastBeat = monotonicMs();
  const timer = setInterval(
    () => {
      if (!isPaused && link.isConnected) {
        delivery.working();
        lastBeat = monotonicMs();
      } else if (monotonicMs() - lastBeat >= leaseMs && !lease.signal.aborted) {
        lease.abort(new BusUnavailableError('the lease on the job was lost'));
      }
    },
    Math.min(Math.ceil(leaseMs / 3), maxBeatMs),
  );
  return {
    pause: () => {
      isPaused = true;
    },
    stop: () => clearInterval(timer),
  };
}
