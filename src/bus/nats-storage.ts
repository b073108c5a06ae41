import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { nanos } from '@nats-io/transport-node';
import type { RunId } from '../core/ids.ts';
import { isMissing, isTimeout } from './nats-errors.ts';
import type { NatsLink } from './nats-link.ts';
import {
  duplicateWindowMs,
  type LargeKind,
  largeKinds,
  largeTtlMs,
  type NatsNames,
  natsNames,
  resultsTtlMs,
  streamOfBucket,
} from './nats-names.ts';

const nameInUse = 10_058;
const consumerExists = 10_148;

/** A run's streams on the server: made when needed, made again when the server lost them. */
export interface NatsStorage {
  readonly names: NatsNames;
  ensure(): Promise<void>;
  /** Workers of one queue share its consumer, and so its lease: that of the worker who joined last. */
  ensureConsumer(queue: string, leaseMs: number): Promise<void>;
  ensureLarge(kind: LargeKind): Promise<void>;
  /** Like `link.persist`, and puts missing streams back in place. */
  persist<T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createNatsStorage(link: NatsLink, run: RunId): NatsStorage {
  const names = natsNames(run);
  const large = new Set<LargeKind>();

  const ensure = async () => {
    await addJobsStream(link, names);
    await addBucket(link, names.resultsBucket, resultsTtlMs);
  };

  const ensureLarge = async (kind: LargeKind) => {
    if (large.has(kind)) return;
    await addBucket(link, names.largeBucket(kind), largeTtlMs[kind]);
    large.add(kind);
  };

  const repair = async () => {
    const used = [...large];
    large.clear();
    await ensure();
    for (const kind of used) await ensureLarge(kind);
  };

  // A server that lost its storage leaves requests for a stream unanswered instead of refusing
  // them, so the streams are looked after before anything else is asked of it.
  let ready: Promise<void> = Promise.resolve();
  link.onReconnect(() => {
    ready = repair().catch(() => {});
  });

  const persist = <T>(operation: () => Promise<T>, signal: AbortSignal) =>
    link.persist(async () => {
      await ready;
      try {
        return await operation();
      } catch (error) {
        if (isMissing(error) || isTimeout(error)) await repair();
        throw error;
      }
    }, signal);

  return {
    names,
    ensure,
    ensureLarge,
    persist,
    ensureConsumer: (queue, leaseMs) => addConsumer(link, names, queue, leaseMs),
  };
}

/** Messages are acknowledged once they are in the server's file store; they outlive its restart. */
function addJobsStream({ jsm }: NatsLink, names: NatsNames): Promise<void> {
  return addStream(jsm, {
    name: names.jobsStream,
    subjects: [names.jobSubjects],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    duplicate_window: nanos(duplicateWindowMs),
  });
}

/** A stream made by another version of this program is left as it is. */
export async function addStream(
  jsm: JetStreamManager,
  config: Parameters<JetStreamManager['streams']['add']>[0],
): Promise<void> {
  try {
    await jsm.streams.add(config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === nameInUse)) throw error;
  }
}

async function addBucket({ js }: NatsLink, bucket: string, ttlMs: number): Promise<void> {
  const options = { history: 1, storage: StorageType.File, ...(ttlMs > 0 ? { ttl: ttlMs } : {}) };
  const create = () => new Kvm(js).create(bucket, options);
  try {
    await create();
  } catch (error) {
    // Two processes may make it at the same moment; the second look finds it.
    if (!(error instanceof JetStreamApiError && error.code === nameInUse)) throw error;
    await create();
  }
}

async function addConsumer({ jsm }: NatsLink, names: NatsNames, queue: string, leaseMs: number): Promise<void> {
  const name = names.consumer(queue);
  try {
    await jsm.consumers.add(names.jobsStream, {
      durable_name: name,
      filter_subject: queue,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(leaseMs),
      // Workers count deliveries themselves, so that the submitter is told when a job is given up.
      max_deliver: -1,
      max_ack_pending: 10_000,
      max_waiting: 10_000,
    });
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === consumerExists)) throw error;
    await jsm.consumers.update(names.jobsStream, name, { ack_wait: nanos(leaseMs) });
  }
}

/** Removes a run's streams; those that are not there are no error. */
export async function removeNatsStorage({ jsm }: NatsLink, run: RunId): Promise<void> {
  const names = natsNames(run);
  const buckets = [names.resultsBucket, ...largeKinds.map(names.largeBucket)];
  await removeStreams(jsm, [names.jobsStream, ...buckets.map(streamOfBucket)]);
}

export async function removeStreams(jsm: JetStreamManager, streams: readonly string[]): Promise<void> {
  for (const stream of streams) {
    try {
      await jsm.streams.delete(stream);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}
