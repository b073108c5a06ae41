import { raceAbort } from '../core/abort.ts';
import { BusClosedError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Job } from './bus.ts';
import type { NatsLink } from './nats-link.ts';
import { jobId } from './nats-names.ts';
import { encodeJson, headersOf, type NatsPayloads } from './nats-payload.ts';
import type { NatsResults, ResultRecord } from './nats-results.ts';
import type { NatsStorage } from './nats-storage.ts';
import { type Outcome, unwrap } from './outcome.ts';
import { manyMayWait } from './tally.ts';

/** A job that somebody in this process waits for. */
interface Waiting {
  readonly outcome: Promise<Outcome>;
  readonly consider: (record: ResultRecord) => void;
  readonly stop: AbortController;
  callers: number;
}

/**
 * Puts jobs on their queue and waits for results. On every reconnect it looks
 * for the result and submits again under the same message id, so neither a
 * lost answer nor a server that lost its storage leaves a submitter waiting.
 */
export class NatsSubmits {
  readonly #link: NatsLink;
  readonly #storage: NatsStorage;
  readonly #payloads: NatsPayloads;
  readonly #results: NatsResults;
  readonly #waiting = new Map<string, Waiting>();

  constructor(link: NatsLink, storage: NatsStorage, payloads: NatsPayloads, results: NatsResults) {
    this.#link = link;
    this.#storage = storage;
    this.#payloads = payloads;
    this.#results = results;
  }

  /** Callers with one key share one wait; the last one to leave ends it, not the job. */
  async submit(queue: string, job: Job, signal: AbortSignal): Promise<Json> {
    const id = jobId(queue, job.key);
    const waiting = this.#waiting.get(id) ?? this.#begin(id, queue, encodeJson({ key: job.key, body: job.body }));
    waiting.callers += 1;
    try {
      return unwrap(await raceAbort(waiting.outcome, signal));
    } finally {
      waiting.callers -= 1;
      if (waiting.callers === 0 && this.#waiting.get(id) === waiting) this.#end(id, waiting, signal.reason);
    }
  }

  /** A result this process has just stored. */
  settled(id: string, record: ResultRecord): void {
    this.#waiting.get(id)?.consider(record);
  }

  refuse(which: (id: string) => boolean): void {
    const reason = new BusClosedError('the bus was closed before the job was done; the job itself goes on');
    for (const [id, waiting] of [...this.#waiting]) if (which(id)) this.#end(id, waiting, reason);
  }

  #begin(id: string, queue: string, bytes: Uint8Array): Waiting {
    const stop = new AbortController();
    manyMayWait(stop.signal);
    const search = new Search();
    const look = async () => {
      const known = await this.#results.read(id, stop.signal);
      const attempt = search.look(known);
      if (attempt !== null) await this.#publish(id, attempt, queue, bytes, stop.signal);
    };
    const unlisten = this.#results.listen(id, (record) => record.then(search.consider, search.fail));
    const forget = this.#link.onReconnect(() => look().catch(search.fail));
    look().catch(search.fail);
    const outcome = raceAbort(search.outcome, stop.signal).finally(() => {
      forget();
      unlisten();
      if (this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    });
    // Everybody may have left before it settles.
    outcome.catch(() => {});
    const waiting: Waiting = { outcome, consider: search.consider, stop, callers: 0 };
    this.#waiting.set(id, waiting);
    return waiting;
  }

  #end(id: string, waiting: Waiting, reason: unknown): void {
    if (this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    waiting.stop.abort(reason);
  }

  async #publish(id: string, attempt: number, queue: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const packed = await this.#payloads.pack('jobs', id, bytes, signal);
    const send = () => this.#link.js.publish(queue, packed.data, { ...headersOf(packed), msgID: `${id}.${attempt}` });
    await this.#storage.persist(send, signal);
  }
}

/** What is known about a job's result so far. */
class Search {
  readonly outcome: Promise<Outcome>;
  readonly consider: (record: ResultRecord) => void;
  readonly fail: (error: unknown) => void;
  #attempt: number | null = null;

  constructor() {
    let resolve: (outcome: Outcome) => void = () => {};
    let reject: (error: unknown) => void = () => {};
    this.outcome = new Promise((a, b) => {
      resolve = a;
      reject = b;
    });
    this.consider = (record) => {
      if (record.outcome.status !== 'abandoned' || record.attempt >= (this.#attempt ?? 0)) resolve(record.outcome);
    };
    this.fail = reject;
  }

  /**
   * Takes in the stored result. A job found abandoned at the first look is
   * started anew; found so later, it is the end of the attempt waited for.
   * @returns the attempt to submit, or `null` when the result is there.
   */
  look(known: ResultRecord | null): number | null {
    const isFirst = this.#attempt === null;
    this.#attempt ??= (known?.attempt ?? 0) + 1;
    if (known === null) return this.#attempt;
    const isEnd = known.outcome.status !== 'abandoned' || (!isFirst && known.attempt >= this.#attempt);
    if (!isEnd) return this.#attempt;
    this.consider(known);
    return null;
  }
}
