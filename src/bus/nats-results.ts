import { z } from 'zod';
import { MessageInvalidError } from '../core/errors.ts';
import { isConflict } from './nats-errors.ts';
import type { NatsLink } from './nats-link.ts';
import { streamOfBucket, subjectInBucket } from './nats-names.ts';
import { decodeJson, encodeJson, headersOf, type NatsPayloads, type Packed, received } from './nats-payload.ts';
import type { NatsStorage } from './nats-storage.ts';
import { outcomeSchema } from './outcome.ts';

const recordSchema = z.strictObject({ attempt: z.int().positive(), outcome: outcomeSchema });
/** How a job ended. `attempt` counts how often it was started anew after it had been given up. */
export type ResultRecord = z.output<typeof recordSchema>;

interface StoredResult extends ResultRecord {
  readonly seq: number;
  readonly packed: Packed;
}

/**
 * Results by job id. A result is stored before its job is acknowledged and
 * announced after it was stored, so a submitter that missed the announcement
 * finds it by reading. The first result of an attempt stands.
 */
export class NatsResults {
  readonly #link: NatsLink;
  readonly #storage: NatsStorage;
  readonly #payloads: NatsPayloads;

  constructor(link: NatsLink, storage: NatsStorage, payloads: NatsPayloads) {
    this.#link = link;
    this.#storage = storage;
    this.#payloads = payloads;
  }

  async read(id: string, signal: AbortSignal): Promise<StoredResult | null> {
    const bucket = this.#storage.names.resultsBucket;
    const query = { last_by_subj: subjectInBucket(bucket, id) };
    const found = await this.#storage.persist(
      () => this.#link.jsm.direct.getMessage(streamOfBucket(bucket), query),
      signal,
    );
    if (found === null) return null;
    const packed = received(found.data, found.header);
    return { ...(await this.#parse(packed, signal)), seq: found.seq, packed };
  }

  /**
   * Stores and announces a result.
   * @param previous - What was read before the job ran.
   * @returns the record that stands: this one, or that of whoever was first.
   */
  async settle(
    id: string,
    record: ResultRecord,
    previous: StoredResult | null,
    signal: AbortSignal,
  ): Promise<ResultRecord> {
    const packed = await this.#payloads.pack('results', id, encodeJson(record), signal);
    for (let seen = previous; ; ) {
      if (seen !== null && seen.attempt >= record.attempt) {
        this.announce(id, seen);
        return seen;
      }
      if (await this.#put(id, packed, seen?.seq ?? 0, signal)) {
        this.announce(id, { packed });
        return record;
      }
      seen = await this.read(id, signal);
    }
  }

  /** Tells whoever waits now; a stored result may be announced again at any time. */
  announce(id: string, { packed }: Pick<StoredResult, 'packed'>): void {
    if (this.#link.nc.isClosed()) return;
    this.#link.outbox.flush();
    this.#link.nc.publish(this.#storage.names.doneSubject(id), packed.data, headersOf(packed));
  }

  /** Listens for a job's result. @returns the function that stops listening. */
  listen(id: string, onRecord: (record: Promise<ResultRecord>) => void): () => void {
    const sub = this.#link.nc.subscribe(this.#storage.names.doneSubject(id), {
      callback: (error, msg) => {
        if (error === null) onRecord(this.#parse(received(msg.data, msg.headers), this.#link.lifetime));
      },
    });
    return () => sub.unsubscribe();
  }

  /** @returns whether nobody else stored a result since `previousSeq`. */
  async #put(id: string, packed: Packed, previousSeq: number, signal: AbortSignal): Promise<boolean> {
    const subject = subjectInBucket(this.#storage.names.resultsBucket, id);
    const put = () =>
      this.#link.js.publish(subject, packed.data, {
        ...headersOf(packed),
        expect: { lastSubjectSequence: previousSeq },
      });
    return this.#storage.persist(async () => {
      try {
        await put();
        return true;
      } catch (error) {
        if (isConflict(error)) return false;
        throw error;
      }
    }, signal);
  }

  async #parse(packed: Packed, signal: AbortSignal): Promise<ResultRecord> {
    const parsed = recordSchema.safeParse(decodeJson(await this.#payloads.unpack(packed, signal)));
    if (!parsed.success) throw new MessageInvalidError(`a stored result: ${z.prettifyError(parsed.error)}`);
    return parsed.data;
  }
}
