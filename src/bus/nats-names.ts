import { parseRunId, type RunId } from '../core/ids.ts';
import { sha256 } from '../core/json.ts';

/** What may be too large for a message: events and requests, jobs, results. Each has a bucket of its own. */
export const largeKinds = ['events', 'jobs', 'results'] as const;
export type LargeKind = (typeof largeKinds)[number];

const hourMs = 3_600_000;

/** How long a job's key is known to the queue. Results stay longer, so that a known key always has one. */
export const duplicateWindowMs = 24 * hourMs;
export const resultsTtlMs = 48 * hourMs;
/** Milliseconds; 0 is for ever: a job may wait for a worker as long as it takes. */
export const largeTtlMs: Readonly<Record<LargeKind, number>> = { events: hourMs, jobs: 0, results: 2 * resultsTtlMs };

/** Every name a run has on a NATS server; spelled here only. */
export interface NatsNames {
  readonly jobsStream: string;
  readonly jobSubjects: string;
  readonly resultsBucket: string;
  readonly largeBucket: (kind: LargeKind) => string;
  /** Where a job's result is announced to whoever waits for it. */
  readonly doneSubject: (jobId: string) => string;
  /** The durable consumer of a queue, shared by all its workers. */
  readonly consumer: (queue: string) => string;
}

export function natsNames(run: RunId): NatsNames {
  parseRunId(run);
  return {
    jobsStream: `gal-${run}-jobs`,
    jobSubjects: `gal.v1.${run}.*.*.job-requested`,
    resultsBucket: `gal-${run}-results`,
    largeBucket: (kind) => `gal-${run}-large-${kind}`,
    doneSubject: (jobId) => `gal-done.v1.${run}.${jobId}`,
    consumer: (queue) => queue.split('.').slice(3, 5).join('_'),
  };
}

/**
 * The names of a run's records: one subject for each author and topic, so
 * that the broker itself can tell who may read what.
 */
export interface RecordNames {
  readonly stream: string;
  readonly payloadStream: string;
  /** Where a record is published; `topic` are tokens, or a wildcard as its last. */
  readonly subject: (topic: readonly string[]) => string;
  /** Where a record appears once it is stored, with its place in the order; nobody else publishes there. */
  readonly storedSubject: (topic: readonly string[]) => string;
  /** Where a lineage, or `*`, asks the guard. */
  readonly askSubject: (lineage: string) => string;
  /** Where what is too large for a message lies, in parts. */
  readonly payloadSubject: (topic: readonly string[]) => string;
  readonly topicOf: (subject: string) => string[];
}

export function recordNames(run: RunId): RecordNames {
  parseRunId(run);
  const under = (prefix: string) => (topic: readonly string[]) => [prefix, 'v1', run, ...topic].join('.');
  return {
    stream: `gal-${run}-records`,
    payloadStream: `gal-${run}-record-payloads`,
    subject: under('gal-records'),
    storedSubject: under('gal-stored'),
    askSubject: (lineage) => under('gal-asks')([lineage]),
    payloadSubject: under('gal-payloads'),
    topicOf: (subject) => subject.split('.').slice(3),
  };
}

export const streamOfBucket = (bucket: string) => `KV_${bucket}`;
export const subjectInBucket = (bucket: string, key: string) => `$KV.${bucket}.${key}`;

/** A job's id on the wire: 64 hexadecimal digits. */
export function jobId(queue: string, key: string): string {
  return sha256(`${queue}\n${key}`);
}

/** The header of a message whose payload lies in a large-payload bucket. */
export const refHeader = 'Gal-Ref';
