import { IdInvalidError } from './errors.ts';
import { isToken, type LineageId, type RunId } from './ids.ts';
import type { RoleName } from './messages.ts';

/**
 * The only place where a subject is spelled. One grammar:
 * `gal.v1.<run>.<role>.<id>.<event>`, every part one token (`[a-z0-9-]`, at
 * most 63 characters). Only subscriptions may hold wildcards.
 */
function subject(run: RunId, role: string, id: string, event: string): string {
  for (const part of [run, role, id, event]) {
    if (!isToken(part)) throw new IdInvalidError(`${JSON.stringify(part)} cannot be part of a subject`);
  }
  return `gal.v1.${run}.${role}.${id}.${event}`;
}

/** Roles of which one instance serves the whole run; the others have one per lineage. */
const sharedRoles: readonly RoleName[] = ['proposer', 'solver', 'archivist'];

export const subjects = {
  /** The work queue of a role: requests wait here until an actor takes one. */
  jobs: (run: RunId, role: RoleName, lineage: LineageId | null) =>
    subject(run, role, lineage === null || sharedRoles.includes(role) ? 'any' : lineage, 'job-requested'),
  /** Facts of a run as they are recorded, for whoever watches. */
  facts: (run: RunId, role: string, id: string, type: string) => subject(run, role, id, type.replaceAll('.', '-')),
} as const;

export const patterns = {
  everythingOf: (run: RunId) => `gal.v1.${run}.>`,
} as const;
