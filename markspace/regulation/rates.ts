import type { Check } from '../check.ts';
import { admitted, refused } from '../writing/verdict.ts';

/** How much may happen in a scope and below it. `null` is any number. */
export interface RateLimit {
  readonly scope: string;
  /** Operations of one agent in any window: accepted ones, and what was no operation at all. */
  readonly perAgent: number | null;
  /** Accepted operations of all agents in any window. */
  readonly total: number | null;
  readonly windowMs: number;
}

/** Times of accepted operations by what they count against, oldest first. */
export type RateSnapshot = Readonly<Record<string, readonly number[]>>;

export interface Rates {
  readonly check: Check;
  snapshot(): RateSnapshot;
  restore(snapshot: RateSnapshot): void;
}

interface Count {
  readonly key: string;
  readonly rule: 'rate-per-agent' | 'rate-total';
  readonly most: number;
  readonly windowMs: number;
  readonly scope: string;
}

/**
 * Sliding windows, exactly: an operation is refused if and only if as many as
 * allowed were accepted in the `windowMs` that end with it, the far end not
 * included. What is refused, by whatever check, takes nobody's place, except
 * that what has not even the shape of an operation takes one of its agent's own.
 *
 * Memory: at most `perAgent` times an agent and `total` times in all, a limit.
 *
 * @param limitsOver - Limits of the scope and of every scope above it.
 */
export function createRates(limitsOver: (scope: string) => Iterable<RateLimit>): Rates {
  let accepted = new Map<string, Recent>();

  function* countsOf(agent: string, scope: string): Generator<Count> {
    for (const { scope: of, perAgent, total, windowMs } of limitsOver(scope)) {
      const common = { windowMs, scope: of };
      if (perAgent !== null) yield { ...common, key: `${of} ${agent}`, rule: 'rate-per-agent', most: perAgent };
      if (total !== null) yield { ...common, key: of, rule: 'rate-total', most: total };
    }
  }

  return {
    check: {
      name: 'rate',
      judge({ agent, scope, atMs, draft }) {
        for (const count of countsOf(agent, scope)) {
          const freeAtMs = freeFrom(accepted.get(count.key), count);
          if (freeAtMs > atMs) return refused('rate', count.rule, forAgent(count, freeAtMs));
        }
        return admitted(draft);
      },
      observe({ agent, scope, atMs }, verdict) {
        const isNoise = !verdict.allowed && verdict.rule === 'malformed';
        if (!verdict.allowed && !isNoise) return;
        for (const { key, most, rule } of countsOf(agent, scope)) {
          if (isNoise && rule === 'rate-total') continue;
          const recent = accepted.get(key) ?? emptyRecent();
          accepted.set(key, recent);
          remember(recent, atMs, most);
        }
      },
    },
    snapshot: () => Object.fromEntries([...accepted].map(([key, recent]) => [key, inOrder(recent)])),
    restore(snapshot) {
      accepted = new Map(Object.entries(snapshot).map(([key, timesMs]) => [key, { timesMs: [...timesMs], next: 0 }]));
    },
  };
}

/** The last times, in a ring: `next` is the oldest, and where the next one goes once the ring is full. */
interface Recent {
  readonly timesMs: number[];
  next: number;
}

const emptyRecent = (): Recent => ({ timesMs: [], next: 0 });
const inOrder = ({ timesMs, next }: Recent) => [...timesMs.slice(next), ...timesMs.slice(0, next)];

function remember(recent: Recent, atMs: number, most: number): void {
  if (recent.timesMs.length < most) recent.timesMs.push(atMs);
  else if (most > 0) {
    recent.timesMs[recent.next] = atMs;
    recent.next = (recent.next + 1) % most;
  }
}

/** From when on there is a place. */
function freeFrom(recent: Recent | undefined, { most, windowMs }: Count): number {
  if (most === 0) return Number.POSITIVE_INFINITY;
  const { timesMs, next } = recent ?? emptyRecent();
  return timesMs.length < most ? Number.NEGATIVE_INFINITY : timesMs[next]! + windowMs;
}

function forAgent({ rule, most, windowMs, scope }: Count, freeAtMs: number): string {
  const whose = rule === 'rate-per-agent' ? 'you' : 'all together';
  const again = Number.isFinite(freeAtMs) ? `try again from ${freeAtMs}` : 'nothing is taken here';
  return `${most} operations in ${windowMs} ms are all that ${whose} may do in ${scope}: ${again}`;
}
