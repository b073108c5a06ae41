import { MarkspaceDeniedError } from '../../src/core/errors.ts';
import type { Mark } from '../mark.ts';
import { matches, type Notice, noticeOf, type Pattern } from './pattern.ts';

export interface WatchOptions {
  /** Whether an agent may know of marks in the scope; others are as if they had not been written. */
  readonly isKnownTo: (agent: string, scope: string) => boolean;
  /** Notices kept for one watcher. Default 1,000. */
  readonly capacity?: number;
}

interface Subscription {
  readonly patterns: readonly Pattern[];
  readonly pending: Notice[];
  lost: number;
}

/** Plain JSON. After `restore`, tell of the marks in the store above `seenOrder`. */
export interface WatchSnapshot {
  readonly seenOrder: number;
  readonly subscriptions: Readonly<Record<string, Subscription>>;
}

export interface Polled {
  /** In the order in which they were written. */
  readonly notices: readonly Notice[];
  /** How many older ones did not fit since the last poll that cleared: read the scopes to catch up. */
  readonly lost: number;
}

export interface Watch {
  /**
   * From now on, marks that match any of the patterns are kept for the agent.
   * Replaces what it watched before; of what is pending, what still matches stays.
   * @throws {MarkspaceDeniedError} for more than 64 patterns.
   */
  subscribe(agent: string, patterns: readonly Pattern[]): void;
  /** Tells of a mark that is stored. In store order; one that comes again, or late, is not told again. */
  tell(mark: Mark): void;
  /** What is pending. With `clear` it will not come again. */
  poll(agent: string, options?: { readonly clear?: boolean }): Polled;
  snapshot(): WatchSnapshot;
  restore(snapshot: WatchSnapshot): void;
}

const maxPatterns = 64;

/** Who wants to know of which marks. A notice names a mark; reading it goes through the guard. */
export function createWatch({ isKnownTo, capacity = 1_000 }: WatchOptions): Watch {
  let subscriptions = new Map<string, Subscription>();
  let seenOrder = -1;

  return {
    subscribe(agent, patterns) {
      if (patterns.length > maxPatterns) {
        throw new MarkspaceDeniedError(`${patterns.length} patterns; at most ${maxPatterns} are allowed: widen them`);
      }
      const before = subscriptions.get(agent);
      const pending = (before?.pending ?? []).filter((notice) => patterns.some((pattern) => matches(pattern, notice)));
      subscriptions.set(agent, { patterns: structuredClone(patterns), pending, lost: before?.lost ?? 0 });
    },
    tell(mark) {
      if (mark.order <= seenOrder) return;
      seenOrder = mark.order;
      const notice = Object.freeze(noticeOf(mark));
      for (const [agent, subscription] of subscriptions) {
        const { patterns, pending } = subscription;
        if (!patterns.some((pattern) => matches(pattern, notice)) || !isKnownTo(agent, mark.scope)) continue;
        pending.push(notice);
        if (pending.length <= capacity) continue;
        pending.shift();
        subscription.lost += 1;
      }
    },
    poll(agent, { clear = true } = {}) {
      const subscription = subscriptions.get(agent);
      if (subscription === undefined) return { notices: [], lost: 0 };
      const { patterns, pending, lost } = subscription;
      if (clear) subscriptions.set(agent, { patterns, pending: [], lost: 0 });
      return { notices: [...pending], lost };
    },
    snapshot: () => ({ seenOrder, subscriptions: structuredClone(Object.fromEntries(subscriptions)) }),
    restore(snapshot) {
      seenOrder = snapshot.seenOrder;
      subscriptions = new Map(Object.entries(structuredClone(snapshot.subscriptions)));
    },
  };
}
