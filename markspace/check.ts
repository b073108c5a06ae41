import type { Json } from '../src/core/json.ts';

export const markKinds = ['intent', 'action', 'observation', 'warning', 'need'] as const;
export type MarkKind = (typeof markKinds)[number];

/** What an agent wants to leave behind, before the guard has looked at it. Only fields its kind has. */
export interface Draft {
  readonly kind: MarkKind;
  readonly scope: string;
  readonly topic: string | null;
  readonly fields: Readonly<Record<string, Json>>;
}

/** One request of one agent. `agent` comes from the handle, `atMs` from the run's clock; neither is ever taken from a caller. */
export interface Operation {
  readonly agent: string;
  /** `write` leaves a mark; `act` wants to call a tool on a resource. */
  readonly type: 'write' | 'act';
  readonly scope: string;
  readonly atMs: number;
  /** What is written; for `act`, the intent that announces it. */
  readonly draft: Draft;
}

export interface Refusal {
  readonly allowed: false;
  /** The check that refused, such as `barrier`. */
  readonly check: string;
  /** A stable word for what was wrong, such as `rate-per-agent`. */
  readonly rule: string;
  /** For the agent: what was wrong and what it could do instead. Never a hidden mark's content or existence. */
  readonly message: string;
  /** The mark that won, where the reader may see it. */
  readonly winner?: string;
}

/** Allowed, perhaps with another draft (a content policy may rewrite), perhaps with flags that travel with the mark. */
export interface Admission {
  readonly allowed: true;
  readonly draft: Draft;
  readonly flags: readonly string[];
}

export type Verdict = Admission | Refusal;

/**
 * One link of the guard's chain. The first refusal ends it. A check that
 * throws refuses: a failing guard fails closed.
 */
export interface Check {
  readonly name: string;
  /** Pure in (operation, what was observed before): the same state gives the same verdict. */
  judge(operation: Operation): Verdict;
  /** Told of every operation after its verdict, refused ones too. */
  observe?(operation: Operation, verdict: Verdict): void;
}
