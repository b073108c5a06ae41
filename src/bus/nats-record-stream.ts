import { DeliverPolicy, JetStreamApiError, type JsMsg, StorageType } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { onAbort, raceAbort } from '../core/abort.ts';
import { StorageFailedError } from '../core/errors.ts';
import type { RunId } from '../core/ids.ts';
import { createLogger, type Logger } from '../core/log.ts';
import type { NewRecord, RecordStream, StoredRecord } from '../core/record-stream.ts';
import type { NatsCredential } from './nats-authorization.ts';
import { type NatsLink, openNatsLink } from './nats-link.ts';
import { duplicateWindowMs, type RecordNames, recordNames } from './nats-names.ts';
import { headersOf, received } from './nats-payload.ts';
import { NatsRecordPayloads } from './nats-record-payloads.ts';
import { addStream, removeStreams } from './nats-storage.ts';
import { manyMayWait } from './tally.ts';

export interface NatsRecordOptions {
  /** As for `createNatsBus`. */
  readonly servers: string;
  readonly run: RunId;
  readonly credential?: NatsCredential;
  readonly log?: Logger;
}

/** Messages asked for ahead. */
const ahead = 1_000;
/** How many removals are under way at a time. */
const removalWidth = 64;
const noSuchMessage = 10_037;
const noSuchStream = 10_059;

/**
 * A run's records on a JetStream stream: the order is the stream's. An
 * acknowledged record lies in the server's file store: it outlives every
 * client and the server's own death, a power cut only once the server has
 * synced it (by default every two minutes; its `sync_interval` says).
 *
 * A repeated id is dropped by the server for a day; beyond, readers know it.
 *
 * @throws {BusUnavailableError} naming the URL and what to start.
 */
export async function openNatsRecordStream(options: NatsRecordOptions): Promise<RecordStream> {
  const { servers, run, credential, log = createLogger({ bindings: { part: 'records' } }) } = options;
  const link = await openNatsLink(servers, `galapagos ${run} records`, log, credential);
  try {
    const names = recordNames(run);
    await link.persist(() => makeStreams(link, names), link.lifetime);
    const { created } = await link.persist(() => link.jsm.streams.info(names.stream), link.lifetime);
    return new NatsRecordStream(link, names, created);
  } catch (error) {
    await link.close();
    throw error;
  }
}

/** Removes a run's records from a server. @throws {BusUnavailableError} */
export async function destroyNatsRecords(options: NatsRecordOptions): Promise<void> {
  const { servers, run, credential, log = createLogger({ bindings: { part: 'records' } }) } = options;
  const link = await openNatsLink(servers, `galapagos ${run} records`, log, credential);
  try {
    const { stream, payloadStream } = recordNames(run);
    await link.persist(() => removeStreams(link.jsm, [stream, payloadStream]), link.lifetime);
  } finally {
    await link.close();
  }
}

async function makeStreams({ jsm }: NatsLink, names: RecordNames): Promise<void> {
  await addStream(jsm, {
    name: names.stream,
    subjects: [names.subject(['>'])],
    storage: StorageType.File,
    duplicate_window: nanos(duplicateWindowMs),
    // Readers with few rights listen here: a message on this subject was stored, and carries its number.
    republish: { src: names.subject(['>']), dest: names.storedSubject(['>']) },
  });
  await addStream(jsm, {
    name: names.payloadStream,
    subjects: [names.payloadSubject(['>'])],
    storage: StorageType.File,
    max_msgs_per_subject: 1,
    allow_direct: true,
  });
}

class NatsRecordStream implements RecordStream {
  readonly #link: NatsLink;
  readonly #names: RecordNames;
  readonly #payloads: NatsRecordPayloads;
  readonly #created: string;
  readonly #end = new AbortController();
  /** Where the payload of a large record lies. */
  readonly #large = new Map<number, { readonly topic: readonly string[]; readonly ref: string }>();
  #delivered = 0;

  constructor(link: NatsLink, names: RecordNames, created: string) {
    this.#link = link;
    this.#names = names;
    this.#payloads = new NatsRecordPayloads(link, names);
    this.#created = created;
    manyMayWait(this.#end.signal);
    onAbort([link.lifetime], (reason) => this.#end.abort(reason));
    link.onReconnect(() => void this.#checkStillThere().catch(() => {}));
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  async append({ topic, id, bytes }: NewRecord) {
    const packed = await this.#payloads.pack(topic, bytes, this.#end.signal);
    const subject = this.#names.subject(topic);
    const publish = () =>
      this.#link.js.publish(subject, packed.data, { msgID: `${topic[0]}.${id}`, ...headersOf(packed) });
    const { seq, duplicate } = await this.#link.persist(publish, this.#end.signal);
    return { sequence: seq, isRepeat: duplicate };
  }

  async follow(onRecord: (record: StoredRecord) => void): Promise<void> {
    let caughtUp: () => void = () => {};
    const isCaughtUp = new Promise<void>((resolve) => {
      caughtUp = resolve;
    });
    void this.#followForever(onRecord, caughtUp).catch((cause) => {
      this.#end.abort(new StorageFailedError('records can no longer be followed', { cause }));
    });
    await raceAbort(isCaughtUp, this.#end.signal);
  }

  async #followForever(onRecord: (record: StoredRecord) => void, caughtUp: () => void): Promise<never> {
    for (;;) {
      const consumer = await this.#link.persist(
        () =>
          this.#link.js.consumers.get(this.#names.stream, {
            deliver_policy: DeliverPolicy.StartSequence,
            opt_start_seq: this.#delivered + 1,
          }),
        this.#end.signal,
      );
      if ((await consumer.info(true)).num_pending === 0) caughtUp();
      const messages = await consumer.consume({ max_messages: ahead });
      // A consumer that its server forgot is noticed by the client only after half a minute.
      const stopListening = this.#link.onReconnect(() => messages.stop());
      using _ = onAbort([this.#end.signal], () => messages.stop());
      try {
        for await (const message of messages) {
          // After a reset an ordered consumer may repeat itself.
          if (message.seq > this.#delivered) await this.#deliver(message, onRecord);
          if (message.info.pending === 0) caughtUp();
        }
      } finally {
        stopListening();
      }
      this.#end.signal.throwIfAborted();
    }
  }

  async #deliver(message: JsMsg, onRecord: (record: StoredRecord) => void): Promise<void> {
    const topic = this.#names.topicOf(message.subject);
    const packed = received(message.data, message.headers);
    if (packed.ref !== null) this.#large.set(message.seq, { topic, ref: packed.ref });
    const bytes = packed.ref === null ? packed.data : await this.#payloads.unpack(topic, packed, this.#end.signal);
    this.#delivered = message.seq;
    onRecord({ sequence: message.seq, topic, bytes });
  }

  async remove(sequences: readonly number[]): Promise<void> {
    const left = sequences.values();
    const lane = async () => {
      for (const sequence of left) await this.#removeOne(sequence);
    };
    await Promise.all(Array.from({ length: removalWidth }, lane));
  }

  async #removeOne(sequence: number): Promise<void> {
    const { signal } = this.#end;
    await this.#link.persist(async () => {
      try {
        await this.#link.jsm.streams.deleteMessage(this.#names.stream, sequence, false);
      } catch (error) {
        if (!(error instanceof JetStreamApiError && error.code === noSuchMessage)) throw error;
      }
    }, signal);
    const payload = this.#large.get(sequence);
    if (payload === undefined) return;
    await this.#payloads.discard(payload.topic, payload.ref, signal);
    this.#large.delete(sequence);
  }

  /** A server that comes back without what it had acknowledged would number new records like the lost ones. */
  async #checkStillThere(): Promise<void> {
    const problem = await this.#link.persist(async () => {
      try {
        const { created, state } = await this.#link.jsm.streams.info(this.#names.stream);
        return created === this.#created && state.last_seq >= this.#delivered ? null : 'has fewer than before';
      } catch (error) {
        if (error instanceof JetStreamApiError && error.code === noSuchStream) return 'has none of them any more';
        throw error;
      }
    }, this.#end.signal);
    if (problem === null) return;
    this.#end.abort(
      new StorageFailedError(`the NATS server lost records that it had acknowledged: it ${problem}`, {
        details: { stream: this.#names.stream, delivered: this.#delivered },
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link.close();
  }
}
