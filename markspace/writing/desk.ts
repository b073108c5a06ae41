import { describeError, StorageFailedError } from '../../src/core/errors.ts';
import type { Check, Draft, MarkKind, Operation, Refusal, Verdict } from '../check.ts';
import type { Denials } from '../denials.ts';
import type { Ledger } from '../ledger.ts';
import type { Mark } from '../mark.ts';
import type { Access } from '../scopes/access.ts';
import type { MarkStore } from '../store.ts';
import type { Call } from '../telemetry.ts';
import type { Assess } from './assessment.ts';
import { type Chain, createChain, failClosed } from './chain.ts';
import { type Stamp, toMark } from './draft.ts';

export interface DeskOptions {
  readonly store: MarkStore;
  readonly ledger: Ledger;
  readonly access: Access;
  readonly denials: Denials;
  readonly assess: Assess;
  /** Told of every mark once it is kept; what it throws changes nothing. */
  readonly onMark: (mark: Mark) => void;
}

/** An operation as far as it can be told. */
export type Attempt = Pick<Operation, 'type'> & { readonly kind: MarkKind; readonly scope: string | null };

/** Where operations are judged and recorded; nothing else appends to the store. */
export interface Desk extends Pick<DeskOptions, 'store' | 'ledger' | 'access' | 'assess'> {
  /** The guard's time, with all taken in that the store has got by then. */
  now(): number;
  /** A chain of these checks, each failing closed. */
  chain(checks: readonly Check[]): Chain;
  /** Judges at once, before anything is awaited, and tells every check. */
  judge(call: Call, chain: Chain, operation: Operation): Verdict;
  /** @throws {MarkspaceDeniedError} always, once the refusal is on record. */
  deny(call: Call, refusal: Refusal): Promise<never>;
  /**
   * Denies what cannot be judged, and tells every check: an attempt counts,
   * whatever became of it.
   * @param scope - Where it was tried; `null` where that cannot be said, or not without telling of what is hidden.
   * @throws {MarkspaceDeniedError} always.
   */
  turnAway(call: Call, chain: Chain, attempt: Attempt, refusal: Refusal): Promise<never>;
  /**
   * Makes a mark of an admitted draft. It counts at once, and is kept when this resolves.
   * @throws {StorageFailedError} when it could not be kept; nothing is left of it then.
   */
  keep(call: Call, draft: Draft, stamp?: Partial<Omit<Stamp, 'author' | 'createdAtMs'>>): Promise<Mark>;
}

export function createDesk({ store, ledger, access, denials, assess, onMark }: DeskOptions): Desk {
  const wrapped = new WeakMap<Check, Check>();
  let problem: string | null = null;

  /** One wrapper for each check: one that broke in one chain is broken in all. */
  function closed(check: Check): Check {
    const known = wrapped.get(check);
    if (known !== undefined) return known;
    const made = failClosed(check, (error) => {
      problem = describeError(error);
    });
    wrapped.set(check, made);
    return made;
  }

  function now(): number {
    ledger.catchUp();
    return ledger.nowMs;
  }

  const deny: Desk['deny'] = (call, { allowed: _, ...refusal }) =>
    denials.deny(call.agent, { operation: call.name, ...refusal });

  return {
    ...{ store, ledger, access, assess },
    now,
    deny,
    chain: (checks) => createChain(checks.map(closed)),
    judge(call, chain, operation) {
      problem = null;
      call.scope = operation.scope;
      call.kind = operation.draft.kind;
      const verdict = chain.judge(operation);
      chain.observe(operation, verdict);
      call.problem = problem;
      return verdict;
    },
    turnAway(call, chain, { type, kind, scope }, refusal) {
      const where = scope ?? access.homeOf(call.agent);
      // Who was given nothing at all has nothing that could be closed.
      if (where === null) return deny(call, refusal);
      problem = null;
      const draft: Draft = { kind, scope: where, topic: null, fields: {} };
      chain.observe({ agent: call.agent, type, scope: where, atMs: now(), draft }, refusal);
      call.problem = problem;
      return deny(call, refusal);
    },
    async keep(call, draft, stamp = {}) {
      const { agent } = call;
      const assessed = assess(agent, draft);
      const mark = toMark(draft, {
        // Unique, and telling nothing about how many others there are.
        id: stamp.id ?? `${draft.kind}-${crypto.randomUUID()}`,
        author: agent,
        createdAtMs: now(),
        strength: stamp.strength ?? assessed.strength,
        confidence: stamp.confidence ?? assessed.confidence,
        flags: stamp.flags ?? [],
        score: stamp.score ?? null,
        payload: stamp.payload ?? null,
      });
      ledger.expect(mark);
      try {
        await store.append(mark);
        ledger.catchUp();
      } finally {
        ledger.forget(mark);
      }
      const kept = store.get(mark.id);
      if (kept === null) throw new StorageFailedError(`${mark.id} was dropped from the store before`);
      try {
        onMark(kept);
      } catch (error) {
        call.problem = describeError(error);
      }
      return kept;
    },
  };
}
