import { deadline, raceAbort } from '../core/abort.ts';
import { BusUnavailableError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Subscription } from './bus.ts';
import { frozenCopy } from './frozen-copy.ts';
import { failure, type Outcome } from './outcome.ts';
import { Tally } from './tally.ts';

interface Responder {
  readonly handler: (message: Json) => Promise<Json>;
  readonly inHand: Tally;
}

/** Who answers on which subject; several on one subject take turns. */
export class MemoryResponders {
  readonly #bySubject = new Map<string, Responder[]>();

  add(subject: string, handler: (message: Json) => Promise<Json>): Subscription {
    const responder: Responder = { handler, inHand: new Tally() };
    this.#bySubject.set(subject, [...(this.#bySubject.get(subject) ?? []), responder]);
    return {
      dropped: 0,
      [Symbol.asyncDispose]: () => {
        const others = (this.#bySubject.get(subject) ?? []).filter((other) => other !== responder);
        this.#bySubject.set(subject, others);
        return responder.inHand.idle();
      },
    };
  }

  /** @throws {BusUnavailableError} when nobody responds, or not in time. @throws the signal's reason. */
  async ask(subject: string, message: Json, timeoutMs: number, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    const responder = this.#next(subject);
    if (responder === undefined) throw new BusUnavailableError(`nobody responds on ${subject}`);
    using limit = deadline(signal, timeoutMs);
    try {
      return await raceAbort(answer(responder, message), limit.signal);
    } catch (cause) {
      if (signal.aborted) throw cause;
      throw new BusUnavailableError(`no answer on ${subject} within ${timeoutMs} ms`, { cause });
    }
  }

  close(): void {
    this.#bySubject.clear();
  }

  #next(subject: string): Responder | undefined {
    const [first, ...others] = this.#bySubject.get(subject) ?? [];
    if (first !== undefined) this.#bySubject.set(subject, [...others, first]);
    return first;
  }
}

async function answer({ handler, inHand }: Responder, message: Json): Promise<Outcome> {
  inHand.enter();
  try {
    return { status: 'done', value: frozenCopy(await handler(message)) };
  } catch (error) {
    return failure(error);
  } finally {
    inHand.leave();
  }
}
