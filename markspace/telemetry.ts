import type { Clock } from '../src/core/clock.ts';
import { MarkspaceDeniedError } from '../src/core/errors.ts';
import type { MarkKind } from './check.ts';

/** One guarded call and how it ended. Ids and names only: no content. */
export interface GuardEvent {
  readonly call:
    | 'write'
    | 'act'
    | 'resolve'
    | 'withdraw'
    | 'query'
    | 'publish'
    | 'read'
    | 'mounts'
    | 'collect'
    | 'reach';
  readonly agent: string;
  /** When it ended. */
  readonly atMs: number;
  readonly scope: string | null;
  readonly kind: MarkKind | null;
  /** `failed`: neither accepted nor refused, such as a full disk. */
  readonly outcome: 'accepted' | 'refused' | 'failed';
  /** Of a refusal. */
  readonly check: string | null;
  readonly rule: string | null;
  /** What a check or a hook threw meanwhile. */
  readonly problem: string | null;
}

/** Gets one event for every guarded call. What it throws is dropped: telemetry decides nothing. */
export type Telemetry = (event: GuardEvent) => void;

/** A guarded call under way, and what is told of it when it ends. */
export interface Call {
  readonly name: GuardEvent['call'];
  readonly agent: string;
  scope: string | null;
  kind: MarkKind | null;
  /** Set where a refusal is an answer, not an error. */
  refusedBy: string | null;
  problem: string | null;
}

/** Runs a guarded call and tells how it ended. */
export async function told<T>(
  telemetry: Telemetry,
  clock: Clock,
  { name, agent }: Pick<Call, 'name' | 'agent'>,
  run: (call: Call) => Promise<T>,
): Promise<T> {
  const call: Call = { name, agent, scope: null, kind: null, refusedBy: null, problem: null };
  const tell = (outcome: GuardEvent['outcome'], check: string | null, rule: string | null) => {
    const { scope, kind, problem } = call;
    try {
      telemetry({ call: name, agent, atMs: clock.now(), scope, kind, outcome, check, rule, problem });
    } catch {
      // Whoever watches has no say.
    }
  };
  try {
    const result = await run(call);
    tell(call.refusedBy === null ? 'accepted' : 'refused', null, call.refusedBy);
    return result;
  } catch (error) {
    if (!(error instanceof MarkspaceDeniedError)) tell('failed', null, null);
    else tell('refused', (error.details.check ?? null) as string | null, (error.details.rule ?? null) as string | null);
    throw error;
  }
}
