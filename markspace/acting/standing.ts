import type { Operation } from '../check.ts';
import type { Ledger, StandingIntent } from '../ledger.ts';
import type { Access } from '../scopes/access.ts';
import { atPresent, isLive, lastBoundary, nextBoundaryMs, winnerAt, winnerOf } from './conflicts.ts';

/** Where an agent stands on the resource of an operation. */
export type Standing =
  /** It may go on: with the intent it announced, or one that is still to be written. */
  | { readonly status: 'won'; readonly intent: StandingIntent | null }
  /** `winner` is `null` where everybody yields. */
  | { readonly status: 'lost'; readonly winner: StandingIntent | null; readonly againAtMs: number }
  /** Its intent, or one that is still to be written, is judged at the next boundary. */
  | { readonly status: 'waiting'; readonly intent: StandingIntent | null; readonly untilMs: number };

/** The one intent of an agent on the operation's resource that it can still act on. */
export function ownIntent(ledger: Ledger, access: Access, operation: Operation): StandingIntent | null {
  const { agent, scope, atMs } = operation;
  const ttlMs = access.settingsOf(scope)?.intentTtlMs ?? 0;
  const intents = ledger.intentsOn(scope, resourceOf(operation), atMs);
  return intents.find((intent) => intent.author === agent && isLive(intent, atPresent(atMs), ttlMs)) ?? null;
}

/**
 * Judges the intents on the operation's resource: now, with the operation's
 * own among them, or as they were at the last boundary where the scope defers.
 * @param confidence - Of the operation's intent, if it has not announced one.
 */
export function standingOf(ledger: Ledger, access: Access, operation: Operation, confidence: number): Standing {
  const { agent, scope, atMs } = operation;
  const { conflicts, deferred, intentTtlMs } = access.settingsOf(scope)!;
  const intents = ledger.intentsOn(scope, resourceOf(operation), atMs);
  const own = ownIntent(ledger, access, operation);
  const now = atPresent(atMs);
  if (deferred === null) {
    const isPrincipal = access.hasPower(agent, 'resolve', scope);
    const offered = { id: '', author: agent, action: '', confidence, made: now, ended: null, isPrincipal };
    const live = intents.filter((intent) => isLive(intent, now, intentTtlMs));
    const winner = winnerOf(conflicts, own === null ? [...live, offered] : live);
    if (winner?.author === agent) return { status: 'won', intent: own };
    const rivals = winner === null ? live.filter((intent) => intent.author !== agent) : [winner];
    const againAtMs = rivals.reduce((last, { made }) => Math.max(last, made.atMs + intentTtlMs), atMs);
    return { status: 'lost', winner, againAtMs };
  }
  const boundary = lastBoundary(deferred, intents, atMs);
  const untilMs = nextBoundaryMs(deferred, atMs);
  if (own === null || !isLive(own, boundary, intentTtlMs)) return { status: 'waiting', intent: own, untilMs };
  const winner = winnerAt(boundary, conflicts, intents, intentTtlMs);
  if (winner === own) return { status: 'won', intent: own };
  return { status: 'lost', winner, againAtMs: untilMs };
}

export function resourceOf({ draft }: Operation): string {
  return draft.fields.resource as string;
}
