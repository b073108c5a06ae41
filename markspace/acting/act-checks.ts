import type { Check, Operation } from '../check.ts';
import { problemOf } from '../writing/draft.ts';
import { check, refused, unknownScope } from '../writing/verdict.ts';
import type { Surroundings } from '../writing/write-checks.ts';
import { ownIntent, resourceOf, standingOf } from './standing.ts';

export interface ActSurroundings extends Surroundings {
  /** Whether a tool is at work on a resource. */
  isBusy(scope: string, resource: string): boolean;
  /** Of an intent that the operation has not announced. */
  confidenceOf(operation: Operation): number;
}

/** First of every act: a resource and an action, in a scope where the agent may act. */
export function authorisationCheck({ access }: ActSurroundings): Check {
  return check('authorisation', ({ agent, scope, draft }) => {
    const problem = problemOf(draft);
    if (problem !== null) return refused('authorisation', 'malformed', `this is nothing to act on: ${problem}`);
    if (!access.isKnownTo(agent, scope)) return unknownScope('authorisation', scope);
    if (!access.settingsOf(scope)!.verbs.includes('action')) {
      return refused('authorisation', 'no-acting', `nobody acts in ${scope}: choose another scope`);
    }
    if (access.mayWrite(agent, 'action', scope)) return null;
    return refused('authorisation', 'not-authorised', `${agent} may not act in ${scope}: ask for that right`);
  });
}

/** What was done by somebody else stands, until its author or an authority withdraws it. */
export function conflictCheck({ access, ledger, isBusy }: ActSurroundings): Check {
  return check('conflict', (operation) => {
    const { agent, scope } = operation;
    const resource = resourceOf(operation);
    if (isBusy(scope, resource)) {
      return refused('conflict', 'busy', `a tool is at work on ${resource}: try again when it has finished`);
    }
    for (const { id, author, action } of ledger.actionsOn(scope, resource)) {
      if (author === agent) continue;
      if (access.sightOf(agent, scope) === 'nothing') {
        return refused('conflict', 'finished', `${resource} was done already: choose another resource`);
      }
      const message = `${author} has done ${action} on ${resource} already: build on ${id}, or have it withdrawn`;
      return refused('conflict', 'finished', message, id);
    }
    return null;
  });
}

/** An agent does what it announced. */
export function intentCheck({ access, ledger }: ActSurroundings): Check {
  return check('intent', (operation) => {
    const own = ownIntent(ledger, access, operation);
    if (own === null || own.action === operation.draft.fields.action) return null;
    const message = `you announced ${own.action} on ${resourceOf(operation)}: do that, or supersede ${own.id}`;
    return refused('intent', 'other-action', message, own.id);
  });
}

/** Last of every act: whoever lost yields. */
export function resolutionCheck({ access, ledger, confidenceOf }: ActSurroundings): Check {
  return check('resolution', (operation) => {
    const { agent, scope } = operation;
    const standing = standingOf(ledger, access, operation, confidenceOf(operation));
    if (standing.status !== 'lost') return null;
    const { winner, againAtMs } = standing;
    const again = `try again from ${againAtMs}`;
    const resource = resourceOf(operation);
    if (winner === null) {
      return refused(
        'resolution',
        'all-yield',
        `several want ${resource} and all yield: ask a principal to decide, or ${again}`,
      );
    }
    if (access.sightOf(agent, scope) === 'nothing') {
      return refused('resolution', 'lost', `another intent on ${resource} goes first: ${again}`);
    }
    const message = `${winner.id} of ${winner.author} on ${resource} goes first: ${again}, or choose another resource`;
    return refused('resolution', 'lost', message, winner.id);
  });
}
