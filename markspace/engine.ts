import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../src/core/clock.ts';
import type { Json } from '../src/core/json.ts';
import { type Acted, type ActRequest, createActing } from './acting/act.ts';
import type { Check, Draft, Operation, Refusal } from './check.ts';
import { type Denials, quoted } from './denials.ts';
import { createLedger } from './ledger.ts';
import type { Action, Mark, Need } from './mark.ts';
import { lookUp, type Query, type View } from './reading/query.ts';
import { isNeeded } from './retention.ts';
import { isScope } from './scope.ts';
import type { Access } from './scopes/access.ts';
import { maySupersede } from './scopes/claims.ts';
import { closingOf } from './scopes/names.ts';
import type { Compaction, MarkStore } from './store.ts';
import type { Call } from './telemetry.ts';
import { type Assess, assessmentCheck, assessNothing } from './writing/assessment.ts';
import { createDesk } from './writing/desk.ts';
import { copyDraft, keepable, kindCheck } from './writing/draft.ts';
import { refused } from './writing/verdict.ts';
import { nameCheck, quotaCheck, rightsCheck, scopeChecks, sourceCheck, targetCheck } from './writing/write-checks.ts';

export interface EngineOptions {
  readonly store: MarkStore;
  readonly access: Access;
  readonly clock: Clock;
  readonly denials: Denials;
  /** Barrier, envelope, rates, content policies: asked in this order, between what an operation is and what it may. */
  readonly checks?: readonly Check[];
  readonly assess?: Assess;
  readonly onMark?: (mark: Mark) => void;
}

/** What the runtime adds to a mark that it writes for an agent: one that is made once, from what the niche measured. */
export interface Measured {
  readonly id: string;
  readonly score: number;
  readonly payload: string;
}

/** Marks behind the guard. `call` says who asks; it comes from a handle, never from a caller. */
export interface Engine {
  /** `id` is of the runtime's making: a mark that has it already is the answer. */
  write(call: Call, draft: Draft, id?: string): Promise<Mark>;
  /** Writes what was measured, in the name of the agent. Rights are the runtime's business; all else is checked. */
  writeMeasured(call: Call, draft: Draft, measured: Measured): Promise<Mark>;
  act(call: Call, request: ActRequest): Promise<Acted>;
  /** Answers a need, or withdraws any other mark. */
  close(call: Call, id: string, statement: Json): Promise<Action>;
  query(call: Call, query: Query): Promise<readonly View[]>;
  /** Marks of exactly this scope as they were written, oldest first. */
  marksIn(scope: string): readonly Mark[];
  /** What the runtime sees: everything. */
  inspect(query: Query): readonly View[];
  openNeeds(): readonly Need[];
  compact(): Promise<Compaction>;
}

export function createEngine(options: EngineOptions): Engine {
  const { store, access, clock, denials, checks = [], assess = assessNothing } = options;
  const { onMark = () => {} } = options;
  const ledger = createLedger(store, access, clock);
  const desk = createDesk({ store, ledger, access, denials, assess, onMark });
  const assessment = assessmentCheck(assess);
  const quota = quotaCheck(desk);
  const writing = desk.chain([
    kindCheck(access),
    ...checks,
    rightsCheck(desk),
    ...scopeChecks(desk),
    sourceCheck(desk),
    nameCheck(desk),
    targetCheck(desk),
    quota,
    assessment,
  ]);
  const measuring = desk.chain([...checks, ...scopeChecks(desk), quota]);
  const closing = desk.chain([...checks, quota, assessment]);
  const acting = createActing(desk, checks);

  const writeOf = (call: Call, draft: Draft): Operation => {
    return { agent: call.agent, type: 'write', scope: draft.scope, atMs: desk.now(), draft };
  };

  return {
    async write(call, given, id) {
      const known = id === undefined ? null : store.get(id);
      if (known !== null) return known;
      const draft = copyDraft(given);
      if (typeof draft === 'string') {
        const refusal = refused('kind', 'malformed', `this is no mark: ${draft}`);
        return desk.turnAway(call, writing, { type: 'write', kind: 'observation', scope: null }, refusal);
      }
      const verdict = desk.judge(call, writing, writeOf(call, draft));
      if (!verdict.allowed) return desk.deny(call, verdict);
      return desk.keep(call, verdict.draft, { flags: verdict.flags, ...(id === undefined ? {} : { id }) });
    },
    async writeMeasured(call, draft, { id, score, payload }) {
      const verdict = desk.judge(call, measuring, writeOf(call, draft));
      if (!verdict.allowed) return desk.deny(call, verdict);
      const stamp = { id, score, payload, strength: 1, confidence: 1, flags: verdict.flags };
      return desk.keep(call, verdict.draft, stamp);
    },
    act: acting,
    async close(call, id, statement) {
      const target = typeof id === 'string' ? store.get(id) : null;
      const claim = { kind: 'action', author: call.agent } as const;
      const isNeed = call.name === 'resolve';
      desk.now();
      const turnAway = (scope: string | null, refusal: Refusal) =>
        desk.turnAway(call, closing, { type: 'write', kind: 'action', scope }, refusal);
      // One answer for what is not there and for what the agent may not touch.
      const isTheirs = target !== null && (target.kind === 'need') === isNeed;
      if (!isTheirs || !maySupersede(access, { ...claim, scope: target.scope }, target)) {
        const what = isNeed ? 'an open need that you may resolve' : 'a mark that you may withdraw';
        return turnAway(null, refused('target', 'not-yours', `${quoted(id)} is not ${what}: name one that is`));
      }
      const newer = ledger.supersederOf(id);
      if (newer !== null) {
        const refusal = refused('target', 'superseded', `${id} was replaced already: look at ${newer.id}`);
        return turnAway(target.scope, refusal);
      }
      const result = keepable(statement);
      if (result === undefined) {
        return turnAway(target.scope, refused('kind', 'malformed', 'the statement cannot be kept'));
      }
      const fields = { resource: closingOf(id), action: call.name, result, failed: false, supersedes: id };
      const draft: Draft = { kind: 'action', scope: target.scope, topic: null, fields };
      const verdict = desk.judge(call, closing, writeOf(call, draft));
      if (!verdict.allowed) return desk.deny(call, verdict);
      return (await desk.keep(call, verdict.draft, { flags: verdict.flags })) as Action;
    },
    async query(call, query) {
      if (!isScope(query.scope)) {
        return desk.deny(call, refused('kind', 'malformed', `${quoted(query.scope)} is not a scope: name one`));
      }
      call.scope = query.scope;
      return lookUp(desk, call.agent, query, desk.now());
    },
    marksIn(scope) {
      ledger.catchUp();
      return store.inScope(scope).filter(({ id }) => !ledger.isEarly(id));
    },
    inspect: (query) => lookUp(desk, null, query, desk.now()),
    openNeeds() {
      desk.now();
      return [...ledger.openNeeds()];
    },
    async compact() {
      const dropped: Mark[] = [];
      const done = await store.compact((mark) => {
        const isKept = isNeeded(desk, mark, desk.now());
        if (!isKept) dropped.push(mark);
        return isKept;
      });
      for (let i = 0; i < dropped.length; i += 1) {
        ledger.drop(dropped[i]!);
        // Readers wait for nothing longer than this many.
        if (i % 1_000 === 999) await setImmediate();
      }
      return done;
    },
  };
}
