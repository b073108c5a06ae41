import { sha256 } from '../core/json.ts';
import type { NatsLink } from './nats-link.ts';
import type { RecordNames } from './nats-names.ts';
import { inlineLimit, type Packed } from './nats-payload.ts';

const refPattern = /^([0-9a-f]{64}) ([1-9][0-9]{0,4})$/;

/**
 * Stores what is too large for one message beside the records, on subjects of
 * the record's own topic. Named by their SHA-256, so storing one twice changes
 * nothing.
 */
export class NatsRecordPayloads {
  readonly #link: NatsLink;
  readonly #names: RecordNames;

  constructor(link: NatsLink, names: RecordNames) {
    this.#link = link;
    this.#names = names;
  }

  async pack(topic: readonly string[], bytes: Uint8Array, signal: AbortSignal): Promise<Packed> {
    const limit = inlineLimit(this.#link);
    if (bytes.byteLength <= limit) return { data: bytes, ref: null };
    const sha = sha256(bytes);
    const count = Math.ceil(bytes.byteLength / limit);
    const store = (part: number) =>
      this.#link.js.publish(
        this.#names.payloadSubject([...topic, sha, String(part)]),
        bytes.subarray(part * limit, (part + 1) * limit),
      );
    await Promise.all(Array.from({ length: count }, (_, part) => this.#link.persist(() => store(part), signal)));
    return { data: new Uint8Array(0), ref: `${sha} ${count}` };
  }

  /** @returns nothing where what the record refers to is not there, or is not what its name says. */
  async unpack(topic: readonly string[], packed: Packed, signal: AbortSignal): Promise<Uint8Array> {
    if (packed.ref === null) return packed.data;
    const ref = refPattern.exec(packed.ref);
    if (ref === null) return new Uint8Array(0);
    const [sha, count] = [ref[1]!, Number(ref[2])];
    const load = (part: number) =>
      this.#link.jsm.direct.getMessage(this.#names.payloadStream, {
        last_by_subj: this.#names.payloadSubject([...topic, sha, String(part)]),
      });
    const parts = await Promise.all(
      Array.from({ length: count }, (_, part) => this.#link.persist(() => load(part), signal)),
    );
    const bytes = Buffer.concat(parts.map((part) => part?.data ?? new Uint8Array(0)));
    return sha256(bytes) === sha ? bytes : new Uint8Array(0);
  }

  async discard(topic: readonly string[], ref: string, signal: AbortSignal): Promise<void> {
    const sha = refPattern.exec(ref)?.[1];
    if (sha === undefined) return;
    const filter = this.#names.payloadSubject([...topic, sha, '*']);
    await this.#link.persist(() => this.#link.jsm.streams.purge(this.#names.payloadStream, { filter }), signal);
  }
}
