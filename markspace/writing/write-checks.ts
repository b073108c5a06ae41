import { ownIntent } from '../acting/standing.ts';
import type { Check } from '../check.ts';
import { quoted } from '../denials.ts';
import type { Ledger } from '../ledger.ts';
import type { Source } from '../mark.ts';
import type { Access } from '../scopes/access.ts';
import { maySupersede, mayWarnAgainst } from '../scopes/claims.ts';
import { chosenNames, isShortName, nameLimits } from '../scopes/names.ts';
import type { MarkStore } from '../store.ts';
import { check, refused, unknownScope } from './verdict.ts';

export interface Surroundings {
  readonly access: Access;
  readonly store: Pick<MarkStore, 'get'>;
  readonly ledger: Ledger;
}

/** What the scope itself takes, whoever writes: its kinds of marks and its topics. */
export function scopeChecks({ access }: Surroundings): readonly Check[] {
  return [
    check('verb', ({ scope, draft: { kind } }) => {
      const settings = access.settingsOf(scope);
      if (settings === null) return unknownScope('verb', scope);
      if (settings.verbs.includes(kind)) return null;
      return refused('verb', 'kind', `${scope} takes no ${kind}: only ${listed(settings.verbs)}`);
    }),
    check('topic', ({ scope, draft: { topic } }) => {
      const topics = access.settingsOf(scope)?.topics ?? null;
      if (topic === null || topics === null || topics.includes(topic)) return null;
      return refused('topic', 'topic', `${scope} takes no topic ${JSON.stringify(topic)}: only ${listed(topics)}`);
    }),
  ];
}

/** In a protected scope, what others see without the content is said in few and short words. */
export function nameCheck({ access, ledger }: Surroundings): Check {
  return check('names', ({ agent, scope, draft: { topic, fields } }) => {
    const settings = access.settingsOf(scope);
    if (settings?.visibility !== 'protected') return null;
    const { definedAt } = settings;
    const { priority = 0, ...named } = fields as { readonly priority?: number };
    if (!Number.isInteger(10 * priority)) {
      return refused('names', 'priority', `in ${definedAt}, a priority is a whole number of tenths`);
    }
    const used = ledger.namesOf(definedAt, agent);
    const added = new Set<string>();
    for (const name of chosenNames({ scope, topic, ...named }, settings)) {
      if (!isShortName(name)) {
        const rule = `has 1 to ${nameLimits.length} of a-z, 0-9, ".", "/" and "-"`;
        return refused('names', 'spelling', `in ${definedAt} a name ${rule}: ${quoted(name)} is none`);
      }
      if (!used.has(name)) added.add(name);
    }
    if (used.size + added.size <= nameLimits.perAuthor) return null;
    return refused(
      'names',
      'too-many',
      `you have ${used.size} names in ${definedAt}, and may have ${nameLimits.perAuthor}: use ${[...used.keys()].join(', ')}`,
    );
  });
}

/** Whether the author may leave such a mark in the scope. */
export function rightsCheck({ access }: Surroundings): Check {
  return check('scope', ({ agent, scope, draft: { kind } }) => {
    if (access.mayWrite(agent, kind, scope)) return null;
    return refused('scope', 'not-authorised', `${agent} may not leave a ${kind} in ${scope}: ask for that right`);
  });
}

/** An author cannot claim more trust than it was given. */
export function sourceCheck({ access }: Surroundings): Check {
  return check('source', ({ agent, scope, draft: { kind, fields } }) => {
    if (kind !== 'observation' || access.mayClaim(agent, fields.source as Source, scope)) return null;
    return refused(
      'source',
      'source',
      `${agent} cannot speak as ${fields.source} in ${scope}: name a less trusted source`,
    );
  });
}

/** Other marks that a draft names: what it supersedes, what it warns against, and an intent it would repeat. */
export function targetCheck({ access, store, ledger }: Surroundings): Check {
  return check('target', (operation) => {
    const { agent, scope, draft } = operation;
    const { supersedes = null, invalidates = null, blocking } = draft.fields as Named;
    if (supersedes !== null) {
      const target = store.get(supersedes);
      const claim = { kind: draft.kind, author: agent, scope, ...(blocking === undefined ? {} : { blocking }) };
      // One answer for a mark that is not there and for one that is not the agent's to replace.
      if (target === null || !maySupersede(access, claim, target)) {
        const message = `${JSON.stringify(supersedes)} is not yours to replace: name a ${draft.kind} of yours in ${scope}`;
        return refused('target', 'not-yours', message);
      }
      const newer = ledger.supersederOf(supersedes);
      if (newer !== null) {
        return refused(
          'target',
          'superseded',
          `${supersedes} was replaced by ${newer.id} already: name that`,
          newer.id,
        );
      }
    }
    if (invalidates !== null) {
      const target = store.get(invalidates);
      if (target === null || !mayWarnAgainst(access, agent, target)) {
        const message = `${JSON.stringify(invalidates)} is no observation or action that ${agent} may warn against`;
        return refused('target', 'not-yours', `${message}: warn in general, with invalidates null`);
      }
    }
    if (draft.kind !== 'intent') return null;
    const known = ownIntent(ledger, access, operation);
    if (known === null || known.id === supersedes) return null;
    return refused(
      'target',
      'announced',
      `you have announced that already: act on it, or supersede ${known.id}`,
      known.id,
    );
  });
}

/** Marks that an author may have in a scope, counted wherever a scope above sets a number. */
export function quotaCheck({ access, ledger }: Surroundings): Check {
  return check('quota', ({ agent, scope }) => {
    for (const { definedAt, quota } of access.settingsOver(scope)) {
      if (quota === null || ledger.countOf(definedAt, agent) < quota) continue;
      return refused('quota', 'quota', `${agent} has left ${quota} marks in ${definedAt}, which is all it may`);
    }
    return null;
  });
}

interface Named {
  readonly supersedes?: string | null;
  readonly invalidates?: string | null;
  readonly blocking?: boolean;
}

const listed = (names: readonly string[]) => names.join(', ') || 'none';
