import type { Json } from '../core/json.ts';
import type { Subscription } from './bus.ts';
import { frozenCopy } from './frozen-copy.ts';
import type { Mailbox } from './mailbox.ts';
import { checkSubject, matches } from './subject-grammar.ts';

type Letter = readonly [message: Json, subject: string];

interface Route {
  readonly pattern: string;
  readonly mailbox: Mailbox<Letter>;
}

/** Subjects looked up at one time; a run uses a few hundred. */
const maxCached = 10_000;

/** Who gets which subject. A subject's receivers are looked up once, until somebody comes or goes. */
export class MemoryRoutes {
  readonly #routes = new Set<Route>();
  readonly #found = new Map<string, readonly Mailbox<Letter>[]>();

  /** @throws {IdInvalidError | MessageInvalidError} */
  publish(subject: string, message: Json): void {
    const receivers = this.#found.get(subject) ?? this.#find(subject);
    const letter = [frozenCopy(message), subject] as const;
    for (const mailbox of receivers) mailbox.push(letter);
  }

  add(pattern: string, mailbox: Mailbox<Letter>): Subscription {
    const route = { pattern, mailbox };
    this.#routes.add(route);
    this.#found.clear();
    return {
      get dropped() {
        return mailbox.dropped;
      },
      [Symbol.asyncDispose]: () => {
        this.#routes.delete(route);
        this.#found.clear();
        return mailbox.close();
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#routes].map(({ mailbox }) => mailbox.close()));
  }

  #find(subject: string): readonly Mailbox<Letter>[] {
    checkSubject(subject);
    if (this.#found.size >= maxCached) this.#found.clear();
    const receivers = [...this.#routes].filter((r) => matches(r.pattern, subject)).map((r) => r.mailbox);
    this.#found.set(subject, receivers);
    return receivers;
  }
}
