import { describeError } from '../../src/core/errors.ts';
import type { Json } from '../../src/core/json.ts';
import type { Check, Operation } from '../check.ts';
import type { Action } from '../mark.ts';
import type { Call } from '../telemetry.ts';
import { assessmentCheck } from '../writing/assessment.ts';
import type { Desk } from '../writing/desk.ts';
import { copyDraft, keepable } from '../writing/draft.ts';
import { refused } from '../writing/verdict.ts';
import { nameCheck, quotaCheck } from '../writing/write-checks.ts';
import { authorisationCheck, conflictCheck, intentCheck, resolutionCheck } from './act-checks.ts';
import { resourceOf, standingOf } from './standing.ts';

export interface ActRequest {
  readonly scope: string;
  /** What the tool works on. One agent at a time works on a resource of a scope. */
  readonly resource: string;
  /** What it does there, in the agent's words. */
  readonly action: string;
  /** Called once, and only when the guard allowed it. What it returns is recorded, as far as it is JSON. */
  readonly tool: () => unknown;
}

export type Acted =
  | { readonly status: 'done'; readonly action: Action }
  /** The scope defers: the intent is announced and judged at the next boundary. Ask again then. */
  | { readonly status: 'waiting'; readonly intent: string; readonly untilMs: number };

/** Calls tools on behalf of agents. */
export function createActing(
  desk: Desk,
  checks: readonly Check[],
): (call: Call, request: ActRequest) => Promise<Acted> {
  const { access, ledger } = desk;
  const busy = new Set<string>();
  const isBusy = (scope: string, resource: string) => busy.has(placeOf(scope, resource));
  const confidenceOf = ({ agent, draft }: Operation) => desk.assess(agent, draft).confidence;
  const around = { ...desk, isBusy, confidenceOf };
  const chain = desk.chain([
    authorisationCheck(around),
    ...checks,
    conflictCheck(around),
    intentCheck(around),
    nameCheck(around),
    quotaCheck(around),
    assessmentCheck(desk.assess),
    resolutionCheck(around),
  ]);

  return async (call, { scope, resource, action, tool }) => {
    const given = copyDraft({ kind: 'intent', scope, topic: null, fields: { resource, action } });
    const problem = typeof given === 'string' ? given : typeof tool === 'function' ? null : 'the tool is no function';
    if (typeof given === 'string' || problem !== null) {
      const refusal = refused('authorisation', 'malformed', `this is nothing to act on: ${problem}`);
      return desk.turnAway(call, chain, { type: 'act', kind: 'intent', scope: null }, refusal);
    }
    const asked: Operation = { agent: call.agent, type: 'act', scope: given.scope, atMs: desk.now(), draft: given };
    const verdict = desk.judge(call, chain, asked);
    if (!verdict.allowed) return desk.deny(call, verdict);
    const { draft, flags } = verdict;
    const operation = { ...asked, draft };
    const standing = standingOf(ledger, access, operation, confidenceOf(operation));
    const announce = async () => (await desk.keep(call, draft, { flags })).id;
    if (standing.status === 'waiting') {
      return { status: 'waiting', intent: standing.intent?.id ?? (await announce()), untilMs: standing.untilMs };
    }
    const held = placeOf(draft.scope, resourceOf(operation));
    busy.add(held);
    try {
      const own = standing.status === 'won' ? standing.intent : null;
      const intent = own?.id ?? (await announce());
      const outcome = await attempt(tool);
      const { result, failed } = outcome;
      const fields = { ...draft.fields, result, failed, supersedes: intent };
      const stamp = { flags: [...flags, ...outcome.flags] };
      return { status: 'done', action: (await desk.keep(call, { ...draft, kind: 'action', fields }, stamp)) as Action };
    } finally {
      busy.delete(held);
    }
  };
}

const placeOf = (scope: string, resource: string) => `${scope} ${resource}`;

interface Outcome {
  readonly result: Json;
  readonly failed: boolean;
  readonly flags: readonly string[];
}

async function attempt(tool: () => unknown): Promise<Outcome> {
  try {
    const result = keepable(await tool());
    // What was done is done, also when its result cannot be kept.
    return { result: result ?? null, failed: false, flags: result === undefined ? ['result-not-kept'] : [] };
  } catch (error) {
    return { result: { error: describeError(error).slice(0, 500) }, failed: true, flags: [] };
  }
}
