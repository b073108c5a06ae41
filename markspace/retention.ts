import type { Ledger } from './ledger.ts';
import type { Mark } from './mark.ts';
import { ownStrength, readThreshold } from './reading/strength.ts';
import type { Access } from './scopes/access.ts';
import { defaultSettings } from './scopes/definition.ts';
import type { MarkStore } from './store.ts';

export interface Archive {
  readonly access: Access;
  readonly ledger: Ledger;
  readonly store: Pick<MarkStore, 'get'>;
}

/** What a warning may still take from its target when it goes. */
const negligible = 1e-6;

/**
 * Whether a mark can still be read or decide anything. What was done and what
 * was measured is kept for good, and with it whatever took its place; all
 * else goes when it was replaced, has expired, or is too weak to be read.
 */
export function isNeeded({ access, ledger, store }: Archive, mark: Mark, nowMs: number): boolean {
  if (isKept(mark) || (mark.supersedes !== null && isKept(store.get(mark.supersedes)))) return true;
  const settings = access.settingsOf(mark.scope) ?? defaultSettings;
  if (mark.kind === 'intent') {
    // It may have been alive at the last boundary.
    return nowMs - mark.createdAtMs < settings.intentTtlMs + (settings.deferred?.everyMs ?? 0);
  }
  const superseder = ledger.supersederOf(mark.id);
  if (superseder !== null && store.get(superseder.id) !== null) return false;
  const weighsOn = mark.kind === 'warning' && mark.invalidates !== null ? store.get(mark.invalidates) : null;
  return ownStrength(mark, nowMs, settings) >= (weighsOn === null ? readThreshold : negligible);
}

function isKept(mark: Mark | null): boolean {
  return mark?.kind === 'action' || (mark?.kind === 'observation' && mark.score !== null);
}
