import type { Msg } from '@nats-io/transport-node';
import { deadline, raceAbort } from '../core/abort.ts';
import { BusUnavailableError, GalapagosError, MessageInvalidError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Logger } from '../core/log.ts';
import type { Subscription } from './bus.ts';
import { createMailbox } from './mailbox.ts';
import { isNobodyThere } from './nats-errors.ts';
import type { NatsLink } from './nats-link.ts';
import { decodeJson, encodeJson, headersOf, inlineLimit, type NatsPayloads, received } from './nats-payload.ts';
import { failure, type Outcome, parseOutcome } from './outcome.ts';
import { checkSubject, isQueue } from './subject-grammar.ts';
import { Tally } from './tally.ts';

const done = Promise.resolve();

/** Subjects checked once and remembered; a run uses a few hundred. */
const maxKnown = 10_000;

/** Core NATS: events, and questions to whoever is there. */
export class NatsEvents {
  readonly #link: NatsLink;
  readonly #payloads: NatsPayloads;
  readonly #log: Logger;
  readonly #known = new Set<string>();
  /** The last message of a subject that could not be sent at once; later ones queue behind it. */
  readonly #tails = new Map<string, Promise<void>>();

  constructor(link: NatsLink, payloads: NatsPayloads, log: Logger) {
    this.#link = link;
    this.#payloads = payloads;
    this.#log = log;
  }

  publish(subject: string, message: Json): Promise<void> {
    try {
      this.#check(subject);
      const bytes = encodeJson(message);
      if (bytes.byteLength <= inlineLimit(this.#link) && this.#link.isConnected && !this.#tails.has(subject)) {
        this.#link.outbox.post(subject, bytes);
        return done;
      }
      return this.#publishInTurn(subject, bytes);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async subscribe(
    pattern: string,
    handler: (message: Json, subject: string) => void | Promise<void>,
    maxPending: number,
  ): Promise<Subscription> {
    const { nc, lifetime } = this.#link;
    const mailbox = createMailbox<Msg>(
      (msg) => {
        const packed = received(msg.data, msg.headers);
        if (packed.ref === null) return handler(decodeJson(packed.data), msg.subject);
        return this.#payloads.unpack(packed, lifetime).then((bytes) => handler(decodeJson(bytes), msg.subject));
      },
      maxPending,
      (err) => this.#log.error({ err, pattern }, 'a subscriber failed'),
    );
    const sub = nc.subscribe(pattern, {
      callback: (error, msg) => {
        // Jobs lie on subjects of the same grammar; they are no events.
        if (error === null && !isQueue(msg.subject)) mailbox.push(msg);
      },
    });
    await this.#inForce();
    return {
      get dropped() {
        return mailbox.dropped;
      },
      [Symbol.asyncDispose]: async () => {
        await this.#link.drain(sub);
        await mailbox.close();
      },
    };
  }

  async request(subject: string, message: Json, timeoutMs: number, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    using limit = deadline(signal, timeoutMs);
    try {
      await this.#link.whenConnected(limit.signal);
      const packed = await this.#payloads.pack('events', 'any', encodeJson(message), limit.signal);
      this.#link.outbox.flush();
      const options = { timeout: Math.max(1, timeoutMs), ...headersOf(packed) };
      const reply = await raceAbort(this.#link.nc.request(subject, packed.data, options), limit.signal);
      const bytes = await this.#payloads.unpack(received(reply.data, reply.headers), limit.signal);
      return parseOutcome(decodeJson(bytes));
    } catch (cause) {
      signal.throwIfAborted();
      this.#link.lifetime.throwIfAborted();
      if (cause instanceof GalapagosError) throw cause;
      if (isNobodyThere(cause)) throw new BusUnavailableError(`nobody responds on ${subject}`, { cause });
      throw new BusUnavailableError(`no answer on ${subject} within ${timeoutMs} ms`, { cause });
    }
  }

  async respond(subject: string, handler: (message: Json) => Promise<Json>): Promise<Subscription> {
    const inHand = new Tally();
    const sub = this.#link.nc.subscribe(subject, {
      queue: 'responders',
      callback: (error, msg) => {
        if (error !== null) return;
        inHand.enter();
        this.#answer(msg, handler)
          .catch((err) => this.#log.error({ err, subject }, 'an answer could not be sent'))
          .finally(() => inHand.leave());
      },
    });
    await this.#inForce();
    return {
      dropped: 0,
      [Symbol.asyncDispose]: async () => {
        await this.#link.drain(sub);
        await inHand.idle();
      },
    };
  }

  async #answer(msg: Msg, handler: (message: Json) => Promise<Json>): Promise<void> {
    const { lifetime } = this.#link;
    const packed = await this.#payloads.pack('events', 'any', await this.#outcome(msg, handler), lifetime);
    this.#link.outbox.flush();
    msg.respond(packed.data, headersOf(packed));
  }

  async #outcome(msg: Msg, handler: (message: Json) => Promise<Json>): Promise<Uint8Array> {
    try {
      const bytes = await this.#payloads.unpack(received(msg.data, msg.headers), this.#link.lifetime);
      const value = await handler(decodeJson(bytes));
      if (value === undefined) throw new MessageInvalidError('the answer is not JSON');
      return encodeJson({ status: 'done', value } satisfies Outcome);
    } catch (error) {
      return encodeJson(failure(error));
    }
  }

  /** Large messages, and any that follow them or come while the server is away. */
  #publishInTurn(subject: string, bytes: Uint8Array): Promise<void> {
    const { lifetime } = this.#link;
    const send = async () => {
      const packed = await this.#payloads.pack('events', 'any', bytes, lifetime);
      await this.#link.whenConnected(lifetime);
      this.#link.outbox.flush();
      this.#link.nc.publish(subject, packed.data, headersOf(packed));
    };
    const before = this.#tails.get(subject) ?? done;
    const turn = before.then(send, send).finally(() => {
      if (this.#tails.get(subject) === turn) this.#tails.delete(subject);
    });
    this.#tails.set(subject, turn);
    return turn;
  }

  /** The server has seen all that was sent before. */
  async #inForce(): Promise<void> {
    await this.#link.persist(() => this.#link.nc.flush(), this.#link.lifetime);
  }

  #check(subject: string): void {
    if (this.#known.has(subject)) return;
    checkSubject(subject);
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.add(subject);
  }
}
