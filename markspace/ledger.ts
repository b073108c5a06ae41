import type { Clock } from '../src/core/clock.ts';
import { atPresent, type Contender, type Moment } from './acting/conflicts.ts';
import type { Action, Intent, Mark, Need, NewMark, Unplaced, Warning } from './mark.ts';
import type { Access } from './scopes/access.ts';
import { maySupersede, mayWarnAgainst } from './scopes/claims.ts';
import { defaultSettings, type ScopeSettings } from './scopes/definition.ts';
import type { MarkStore } from './store.ts';
import { createTallies, type Tallies } from './tallies.ts';

/**
 * What the guard keeps in mind about the marks in the store, so that no
 * decision walks through them: who superseded what, which warnings weigh on a
 * mark, who wants a resource and who was done with it.
 *
 * Marks that were let in and are not on disk yet count too, so that two
 * operations at once cannot both slip past a limit.
 *
 * Time is the guard's own. A mark that some other hand dated later is not
 * there before its time has come: nobody reads it, it claims nothing, and it
 * moves no clock.
 */
export interface Ledger extends Pick<Tallies, 'countOf' | 'namesOf'> {
  /** Takes in what the store has got since. */
  catchUp(): void;
  /** The clock's latest time, or that of the latest mark where another guard's clock is a little ahead; never goes back. */
  readonly nowMs: number;
  /** Creation time of the latest mark; 0 before the first. */
  readonly latestMs: number;
  /** Whether a mark in the store is dated later than any clock can be. */
  isEarly(id: string): boolean;
  /** The mark that took this one's place, or is about to, if that was anybody's right. */
  supersederOf(id: string): NewMark | null;
  /** Warnings on a mark whose authors may warn there, superseded ones left out. */
  warningsOn(id: string): readonly Warning[];
  /** Intents on a resource that can still matter, oldest first. */
  intentsOn(scope: string, resource: string, nowMs: number): readonly StandingIntent[];
  /** Every agent's last finished action on a resource, where it stands. */
  actionsOn(scope: string, resource: string): Iterable<Action>;
  /** Needs that nobody resolved, oldest first. */
  openNeeds(): Iterable<Need>;
  /** Counts a mark that is on its way into the store. */
  expect(mark: NewMark): void;
  /** It did not get there. */
  forget(mark: NewMark): void;
  /** The store dropped it. */
  drop(mark: Mark): void;
}

/** An intent as the ledger keeps it. */
export interface StandingIntent extends Contender {
  readonly action: string;
}

interface OpenIntent extends StandingIntent {
  made: Moment;
  ended: Moment | null;
}

/**
 * How far ahead a mark's date may be, for clocks of several guards that do not
 * quite agree, as a share of an intent's lifetime: five minutes of half an hour.
 */
const skewShare = 1 / 6;

/** @param clock - Without one, every mark is taken to be of its time: for whoever looks at a run afterwards. */
export function createLedger(store: Pick<MarkStore, 'get' | 'since'>, access: Access, clock?: Clock): Ledger {
  let clockMs = clock === undefined ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const early = new Map<string, Mark>();
  let firstDueMs = Number.POSITIVE_INFINITY;
  let latestMs = 0;
  let nextOrder = 0;
  const expected = new Set<string>();
  const superseders = new Map<string, NewMark>();
  const warnings = new Map<string, Warning[]>();
  const contenders = new Map<string, OpenIntent>();
  const intents = new Map<string, OpenIntent[]>();
  const actions = new Map<string, Map<string, Action>>();
  const needs = new Map<string, Need>();
  const { count, countOf, namesOf } = createTallies(access);

  /** What holds from the moment a mark is let in. */
  function claim(mark: NewMark): void {
    count(mark, 1);
    if (mark.kind === 'intent') addIntent(mark);
    const target = mark.supersedes === null ? null : store.get(mark.supersedes);
    if (target === null || superseders.has(target.id) || !maySupersede(access, mark, target)) return;
    superseders.set(target.id, mark);
  }

  /** Only what is kept has taken anybody's place. */
  function isReplaced(id: string): boolean {
    const superseder = superseders.get(id);
    return superseder !== undefined && !expected.has(superseder.id);
  }

  function addIntent({ id, scope, resource, action, author, createdAtMs, confidence }: Unplaced<Intent>): void {
    const isPrincipal = access.hasPower(author, 'resolve', scope);
    const made = atPresent(createdAtMs);
    const contender = { id, author, action, confidence, made, ended: null, isPrincipal };
    contenders.set(id, contender);
    listIn(intents, keyOf(scope, resource)).push(contender);
  }

  function removeIntent({ id, scope, resource }: Unplaced<Intent>): void {
    const key = keyOf(scope, resource);
    const left = (intents.get(key) ?? []).filter((intent) => intent.id !== id);
    contenders.delete(id);
    if (left.length === 0) intents.delete(key);
    else intents.set(key, left);
  }

  /** What holds once a mark is kept. */
  function establish(mark: Mark): void {
    latestMs = Math.max(latestMs, mark.createdAtMs);
    if (!expected.delete(mark.id)) claim(mark);
    if (mark.supersedes !== null && superseders.get(mark.supersedes)?.id === mark.id) {
      superseders.set(mark.supersedes, mark);
      needs.delete(mark.supersedes);
      const contender = contenders.get(mark.supersedes);
      if (contender !== undefined) contender.ended = momentOf(mark);
    }
    const intent = contenders.get(mark.id);
    if (intent !== undefined) intent.made = momentOf(mark);
    if (mark.kind === 'need') needs.set(mark.id, mark);
    if (mark.kind === 'action' && !mark.failed) {
      const key = keyOf(mark.scope, mark.resource);
      const byAuthor = actions.get(key) ?? new Map<string, Action>();
      actions.set(key, byAuthor.set(mark.author, mark));
    }
    if (mark.kind === 'warning' && mark.invalidates !== null) {
      const target = store.get(mark.invalidates);
      if (target !== null && mayWarnAgainst(access, mark.author, target)) listIn(warnings, target.id).push(mark);
    }
  }

  const skewIn = (scope: string) => skewShare * (access.settingsOf(scope) ?? defaultSettings).intentTtlMs;

  function takeIn(mark: Mark): void {
    const dueMs = mark.createdAtMs <= clockMs ? clockMs : mark.createdAtMs - skewIn(mark.scope);
    if (dueMs <= clockMs) {
      establish(mark);
      return;
    }
    early.set(mark.id, mark);
    firstDueMs = Math.min(firstDueMs, dueMs);
  }

  function takeInDue(): void {
    const waiting = [...early.values()];
    early.clear();
    firstDueMs = Number.POSITIVE_INFINITY;
    waiting.forEach(takeIn);
  }

  return {
    get latestMs() {
      return latestMs;
    },
    get nowMs() {
      return Math.max(clockMs, latestMs);
    },
    isEarly: (id) => early.has(id),
    catchUp() {
      if (clock !== undefined) clockMs = Math.max(clockMs, clock.now());
      if (clockMs >= firstDueMs) takeInDue();
      for (const mark of store.since(nextOrder)) {
        nextOrder = mark.order + 1;
        takeIn(mark);
      }
    },
    supersederOf: (id) => superseders.get(id) ?? null,
    warningsOn: (id) => (warnings.get(id) ?? []).filter((warning) => !isReplaced(warning.id)),
    intentsOn(scope, resource, nowMs) {
      const key = keyOf(scope, resource);
      const settings = access.settingsOf(scope);
      const all = intents.get(key);
      if (all === undefined || settings === null) return [];
      const kept = all.filter((intent) => canMatter(intent, nowMs, settings) || !contenders.delete(intent.id));
      if (kept.length === 0) intents.delete(key);
      else if (kept.length < all.length) intents.set(key, kept);
      return kept;
    },
    *actionsOn(scope, resource) {
      for (const action of actions.get(keyOf(scope, resource))?.values() ?? []) {
        if (!isReplaced(action.id)) yield action;
      }
    },
    openNeeds: () => needs.values(),
    countOf,
    namesOf,
    expect(mark) {
      expected.add(mark.id);
      claim(mark);
    },
    drop(mark) {
      if (early.delete(mark.id)) return;
      count(mark, -1);
      superseders.delete(mark.id);
      warnings.delete(mark.id);
      if (mark.kind === 'intent') removeIntent(mark);
      if (mark.kind !== 'warning' || mark.invalidates === null) return;
      const left = (warnings.get(mark.invalidates) ?? []).filter(({ id }) => id !== mark.id);
      if (left.length === 0) warnings.delete(mark.invalidates);
      else warnings.set(mark.invalidates, left);
    },
    forget(mark) {
      if (!expected.delete(mark.id)) return;
      count(mark, -1);
      if (mark.kind === 'intent') removeIntent(mark);
      if (mark.supersedes !== null && superseders.get(mark.supersedes)?.id === mark.id) {
        superseders.delete(mark.supersedes);
      }
    },
  };
}

/** Whether an intent could still take part: alive, or alive at a boundary that may be the last. */
function canMatter(intent: Contender, nowMs: number, { intentTtlMs, deferred }: ScopeSettings): boolean {
  const { made, ended } = intent;
  const overMs = Math.min(made.atMs + intentTtlMs, ended?.atMs ?? Number.POSITIVE_INFINITY);
  return deferred === null ? overMs > nowMs : overMs >= nowMs - deferred.everyMs;
}

const momentOf = ({ createdAtMs, order }: Mark): Moment => ({ atMs: createdAtMs, order });

const keyOf = (scope: string, name: string) => `${scope} ${name}`;

function listIn<T>(lists: Map<string, T[]>, key: string): T[] {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const list: T[] = [];
  lists.set(key, list);
  return list;
}
