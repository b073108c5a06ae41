import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { BusUnavailableError, MessageInvalidError } from '../core/errors.ts';
import { type Json, sha256 } from '../core/json.ts';
import { inlineLimitBytes } from './bus.ts';
import type { NatsLink } from './nats-link.ts';
import { type LargeKind, refHeader, streamOfBucket, subjectInBucket } from './nats-names.ts';
import type { NatsStorage } from './nats-storage.ts';

/** What goes into a NATS message: the payload itself, or nothing and a header that says where it lies. */
export interface Packed {
  readonly data: Uint8Array;
  readonly ref: string | null;
}

/** The headers to send a payload with. Each message needs its own: the client adds to them. */
export function headersOf({ ref }: Packed): { headers?: MsgHdrs } {
  if (ref === null) return {};
  const head = headers();
  head.set(refHeader, ref);
  return { headers: head };
}

export function received(data: Uint8Array, head: MsgHdrs | undefined): Packed {
  return { data, ref: head?.get(refHeader) || null };
}

/** The largest payload a message carries: ours, or less where the server is configured so. */
export function inlineLimit(link: NatsLink): number {
  return Math.min(inlineLimitBytes, maxPayload(link));
}

/** The server counts headers, too. */
function maxPayload(link: NatsLink): number {
  return (link.nc.info?.max_payload ?? 1_048_576) - 4_096;
}

/** @throws {MessageInvalidError} for what JSON cannot carry. */
export function encodeJson(value: unknown): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(value));
  } catch (cause) {
    throw new MessageInvalidError('the message is not JSON', { cause });
  }
}

/** @throws {MessageInvalidError} when another program sent something that is not JSON. */
export function decodeJson(bytes: Uint8Array): Json {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as Json;
  } catch (cause) {
    throw new MessageInvalidError('a message on the bus is not JSON', { cause });
  }
}

const refPattern = /^(events|jobs|results) ([a-z0-9]+-[0-9a-f]{64}) ([1-9][0-9]{0,4})$/;
const chunkBytes = 512 * 1024;

/**
 * Stores what is too large and sends it by reference. A stored payload is
 * named by its owner and its SHA-256, so storing it twice changes nothing.
 */
export class NatsPayloads {
  readonly #link: NatsLink;
  readonly #storage: NatsStorage;

  constructor(link: NatsLink, storage: NatsStorage) {
    this.#link = link;
    this.#storage = storage;
  }

  /** @param owner - A job's id, or `any`. */
  async pack(kind: LargeKind, owner: string, bytes: Uint8Array, signal: AbortSignal): Promise<Packed> {
    if (bytes.byteLength <= inlineLimit(this.#link)) return { data: bytes, ref: null };
    const name = `${owner}-${sha256(bytes)}`;
    const step = Math.min(chunkBytes, maxPayload(this.#link));
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.byteLength; at += step) chunks.push(bytes.subarray(at, at + step));
    const bucket = this.#storage.names.largeBucket(kind);
    await this.#storage.persist(() => this.#storage.ensureLarge(kind), signal);
    const store = (chunk: Uint8Array, at: number) =>
      this.#link.js.publish(subjectInBucket(bucket, `${name}.${at}`), chunk);
    await Promise.all(chunks.map((chunk, at) => this.#storage.persist(() => store(chunk, at), signal)));
    return { data: new Uint8Array(0), ref: `${kind} ${name} ${chunks.length}` };
  }

  /** @throws {BusUnavailableError} when a payload sent by reference is no longer stored. */
  async unpack(packed: Packed, signal: AbortSignal): Promise<Uint8Array> {
    if (packed.ref === null) return packed.data;
    const ref = readRef(packed.ref);
    const bucket = this.#storage.names.largeBucket(ref.kind);
    const load = (at: number) =>
      this.#link.jsm.direct.getMessage(streamOfBucket(bucket), {
        last_by_subj: subjectInBucket(bucket, `${ref.name}.${at}`),
      });
    const chunks = await Promise.all(
      Array.from({ length: ref.chunks }, (_, at) => this.#storage.persist(() => load(at), signal)),
    );
    const bytes = Buffer.concat(chunks.map((chunk) => chunk?.data ?? new Uint8Array(0)));
    if (!ref.name.endsWith(`-${sha256(bytes)}`)) {
      throw new BusUnavailableError(`a large payload is no longer stored in ${bucket}`, {
        details: { name: ref.name },
      });
    }
    return bytes;
  }

  /** Removes a payload whose message was dealt with. A small one leaves nothing to remove. */
  async discard(packed: Packed, signal: AbortSignal): Promise<void> {
    if (packed.ref === null) return;
    const ref = readRef(packed.ref);
    const bucket = this.#storage.names.largeBucket(ref.kind);
    const filter = subjectInBucket(bucket, `${ref.name}.*`);
    await this.#storage.persist(() => this.#link.jsm.streams.purge(streamOfBucket(bucket), { filter }), signal);
  }
}

interface Ref {
  readonly kind: LargeKind;
  readonly name: string;
  readonly chunks: number;
}

function readRef(text: string): Ref {
  const parts = refPattern.exec(text);
  if (parts === null) throw new MessageInvalidError(`a message on the bus has a malformed ${refHeader} header`);
  return { kind: parts[1] as LargeKind, name: parts[2]!, chunks: Number(parts[3]) };
}
