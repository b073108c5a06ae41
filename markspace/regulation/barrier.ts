import { MarkspaceDeniedError } from '../../src/core/errors.ts';
import type { Check } from '../check.ts';
import { quoted } from '../denials.ts';
import { upwards } from '../scope.ts';
import { admitted, refused } from '../writing/verdict.ts';

/** Somebody outside an agent found its conduct wanting. */
export interface Flag {
  readonly agent: string;
  readonly scope: string;
  readonly source: 'envelope' | 'probe';
  readonly atMs: number;
  /** For authorities; an agent is not told. */
  readonly reason: string;
}

/** Closes a scope and all below it to writes and acts. Reading stays open. Plain JSON. */
export interface Barrier {
  /** `null` is the whole space. */
  readonly scope: string | null;
  /** `null` is everybody. */
  readonly agent: string | null;
  /** The authority that made it; `null` where a flag did. */
  readonly by: string | null;
  readonly reason: string;
  readonly sinceMs: number;
  /** Attempts that it refused: whether the agent has stopped trying. */
  readonly refused: number;
}

type Target = Pick<Barrier, 'scope' | 'agent'>;

export interface BarrierOptions {
  /** Whether somebody's authority to lift covers the scope; `null` is the whole space. */
  readonly covers: (who: string, scope: string | null) => boolean;
  /** Scopes with a flag on one agent from which on everything is closed to it. Default 3. */
  readonly flagsUntilAll?: number;
}

export interface BarrierSnapshot {
  readonly barriers: readonly Barrier[];
}

export interface Barriers {
  readonly check: Check;
  /**
   * Closes a scope. A repeat by the same authority is the first one.
   * @throws {MarkspaceDeniedError} unless the authority covers the scope.
   */
  narrow(target: Target, by: string, reason: string, atMs: number): Barrier;
  /** Closes one scope to one agent, and from the third scope on everything. A repeat is the first one. */
  flag(flag: Flag): void;
  /**
   * Takes back every barrier of exactly these scopes and agents.
   * @throws {MarkspaceDeniedError} when `by` neither made one of them nor covers the scope it was made from; nothing is lifted then.
   * @returns how many there were.
   */
  lift(targets: readonly Target[], by: string): number;
  /** Oldest first. */
  list(): readonly Barrier[];
  snapshot(): BarrierSnapshot;
  restore(snapshot: BarrierSnapshot): void;
}

export function createBarriers({ covers, flagsUntilAll = 3 }: BarrierOptions): Barriers {
  /** By scope and agent, then by maker. */
  let barriers = new Map<string, Map<string | null, Barrier>>();

  const place = (barrier: Barrier): Barrier => {
    const key = keyOf(barrier);
    const makers = barriers.get(key) ?? new Map<string | null, Barrier>();
    barriers.set(key, makers);
    const known = makers.get(barrier.by);
    if (known === undefined) makers.set(barrier.by, barrier);
    return known ?? barrier;
  };

  const inTheWay = (agent: string, scope: string): Barrier | null => {
    if (barriers.size === 0) return null;
    for (const path of [null, ...upwards(scope)]) {
      for (const whom of [agent, null]) {
        for (const barrier of barriers.get(keyOf({ scope: path, agent: whom }))?.values() ?? []) return barrier;
      }
    }
    return null;
  };

  const list = () =>
    [...barriers.values()].flatMap((makers) => [...makers.values()]).sort((a, b) => a.sinceMs - b.sinceMs);

  /** The widest scope that its maker had a say over: who lifts a barrier must cover no less. */
  const madeFrom = ({ by, scope }: Barrier): string | null => {
    if (by === null || scope === null) return scope;
    for (const path of [null, ...[...upwards(scope)].reverse()]) if (covers(by, path)) return path;
    return scope;
  };

  const whoLifts = (barrier: Barrier): string => {
    const authority = `an authority over ${nameOf(madeFrom(barrier))}`;
    return barrier.by === null ? authority : `${barrier.by}, or ${authority}`;
  };

  const mayLift = (who: string, barrier: Barrier) => barrier.by === who || covers(who, madeFrom(barrier));

  return {
    check: {
      name: 'barrier',
      judge({ agent, scope, draft }) {
        const barrier = inTheWay(agent, scope);
        return barrier === null ? admitted(draft) : refused('barrier', 'closed', forAgent(barrier, whoLifts(barrier)));
      },
      observe({ agent, scope }, verdict) {
        if (verdict.allowed || verdict.check !== 'barrier') return;
        const barrier = inTheWay(agent, scope);
        if (barrier === null) return;
        barriers.get(keyOf(barrier))!.set(barrier.by, { ...barrier, refused: barrier.refused + 1 });
      },
    },
    narrow({ scope, agent }, by, reason, atMs) {
      if (!covers(by, scope)) {
        throw new MarkspaceDeniedError(`${quoted(by)} has no authority over ${nameOf(scope)}: ask one who has`);
      }
      return place({ scope, agent, by, reason, sinceMs: atMs, refused: 0 });
    },
    flag({ agent, scope, source, atMs, reason }) {
      const flagged = { agent, by: null, sinceMs: atMs, refused: 0 };
      place({ ...flagged, scope, reason: `${source}: ${reason}` });
      const scopes = list().flatMap((b) => (b.agent === agent && b.by === null && b.scope !== null ? [b.scope] : []));
      if (scopes.length < flagsUntilAll) return;
      place({ ...flagged, scope: null, reason: `flagged in ${scopes.join(', ')}` });
    },
    lift(targets, by) {
      const lifted = targets.flatMap((target) => [...(barriers.get(keyOf(target))?.values() ?? [])]);
      const foreign = lifted.find((barrier) => !mayLift(by, barrier));
      if (foreign !== undefined) {
        const whose = `the barrier on ${nameOf(foreign.scope)} was made by ${foreign.by ?? 'a flag'}`;
        throw new MarkspaceDeniedError(`${whose}: ${quoted(by)} cannot lift it; ${whoLifts(foreign)} can`);
      }
      for (const barrier of lifted) barriers.delete(keyOf(barrier));
      return lifted.length;
    },
    list,
    snapshot: () => ({ barriers: list() }),
    restore(snapshot) {
      barriers = new Map();
      for (const barrier of snapshot.barriers) place(barrier);
    },
  };
}

const keyOf = ({ scope, agent }: Target) => `${scope ?? '*'} ${agent ?? '*'}`;
const nameOf = (scope: string | null) => scope ?? 'the whole space';

function forAgent(barrier: Barrier, lifter: string): string {
  const { scope, agent, sinceMs } = barrier;
  const whom = agent === null ? 'everybody' : 'you';
  const instead = scope === null ? 'you can still read' : 'you can still read, and work in other scopes';
  return `${nameOf(scope)} has been closed to ${whom} since ${sinceMs}: ${lifter} can lift that; ${instead}`;
}
