import { ConfigInvalidError } from '../../src/core/errors.ts';
import type { MarkKind } from '../check.ts';
import { type Source, sources } from '../mark.ts';
import { isScope, upwards } from '../scope.ts';
import { covering, type ScopeDefinition, type ScopeSettings, settle } from './definition.ts';

/** What an agent may do in a scope and in all below it. */
export interface Grant {
  readonly scope: string;
  readonly read?: boolean;
  /** Kinds it may leave; `action` means that it may act. */
  readonly write?: readonly MarkKind[];
  /** The most trusted source it may claim for an observation. Default `unverified`. */
  readonly source?: Source;
}

/** `lift` a restriction, `resolve` a need, `supersede` a foreign mark. */
export type Power = 'lift' | 'resolve' | 'supersede';

export interface Authority {
  readonly scope: string;
  readonly powers: readonly Power[];
}

/** Somebody who holds a handle. With authorities, a principal. */
export interface Member {
  readonly id: string;
  readonly grants: readonly Grant[];
  readonly authorities?: readonly Authority[];
}

/** How much a reader sees of a scope's marks. */
export type Sight = 'content' | 'metadata' | 'nothing';

/** Scopes and members of one run. Pure, and fixed once made. */
export interface Access {
  /** `null` for a scope that nothing defines. */
  settingsOf(scope: string): ScopeSettings | null;
  /** Of every definition that covers the scope, innermost first: where limits are counted. */
  settingsOver(scope: string): readonly ScopeSettings[];
  /** `null` as reader is the runtime, which sees everything. */
  sightOf(reader: string | null, scope: string): Sight;
  /** Where an agent is held to account for what names no scope: the first it may write in, or was given at all. */
  homeOf(agent: string): string | null;
  /** Whether the agent may know that the scope exists. */
  isKnownTo(agent: string, scope: string): boolean;
  mayWrite(agent: string, kind: MarkKind, scope: string): boolean;
  mayClaim(agent: string, source: Source, scope: string): boolean;
  /** `null` is the whole space: every scope that is below no other. */
  hasPower(agent: string, power: Power, scope: string | null): boolean;
}

interface Rights {
  read: boolean;
  readonly write: Set<MarkKind>;
  /** Index into `sources`. */
  source: number;
  readonly powers: Set<Power>;
}

/** @throws {ConfigInvalidError} for scopes that contradict each other, or a grant on what is no scope. */
export function createAccess(definitions: readonly ScopeDefinition[], members: readonly Member[]): Access {
  const settled = settle(definitions);
  const rights = new Map<string, Map<string, Rights>>();
  for (const member of members) addRights(rights, member);

  // Asked many times of every operation, and fixed once made. Names of scopes are agents' choice: so many are remembered.
  const settingsOver = remembering((scope) => [...covering(settled, scope)]);
  const settingsOf = (scope: string) => settingsOver(scope)[0] ?? null;
  const outermost = [...settled.keys()].filter((path) => settingsOver(path).length === 1);
  const pathsOf = remembering((scope) => [...upwards(scope)]);
  /** Whether something in what the agent was given on the scope, or above it, satisfies the test. */
  const has = (agent: string, scope: string, test: (given: Rights) => boolean): boolean => {
    const own = rights.get(agent);
    if (own === undefined) return false;
    for (const path of pathsOf(scope)) {
      const given = own.get(path);
      if (given !== undefined && test(given)) return true;
    }
    return false;
  };
  const sightOf = (reader: string | null, scope: string): Sight => {
    if (reader === null) return 'content';
    const settings = settingsOf(scope);
    if (settings === null) return 'nothing';
    if (settings.visibility === 'open' || has(reader, scope, (given) => given.read)) return 'content';
    return settings.visibility === 'protected' ? 'metadata' : 'nothing';
  };

  return {
    settingsOf,
    settingsOver,
    sightOf,
    homeOf(agent) {
      const own = [...(rights.get(agent) ?? [])];
      return (own.find(([, given]) => given.write.size > 0) ?? own[0])?.[0] ?? null;
    },
    isKnownTo: (agent, scope) =>
      settingsOf(scope) !== null && (sightOf(agent, scope) !== 'nothing' || has(agent, scope, () => true)),
    mayWrite: (agent, kind, scope) => has(agent, scope, (given) => given.write.has(kind)),
    mayClaim: (agent, source, scope) => has(agent, scope, (given) => given.source <= sources.indexOf(source)),
    hasPower(agent, power, scope) {
      const paths = scope === null ? outermost : [scope];
      return paths.length > 0 && paths.every((path) => has(agent, path, (given) => given.powers.has(power)));
    },
  };
}

const maxRemembered = 10_000;

function remembering<T>(answer: (text: string) => T): (text: string) => T {
  const answers = new Map<string, T>();
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    if (answers.size >= maxRemembered) answers.clear();
    const found = answer(text);
    answers.set(text, found);
    return found;
  };
}

function addRights(rights: Map<string, Map<string, Rights>>, { id, grants, authorities = [] }: Member): void {
  const own = rights.get(id) ?? new Map<string, Rights>();
  rights.set(id, own);
  const at = (scope: string): Rights => {
    if (!isScope(scope)) throw new ConfigInvalidError(`${id} is given rights on ${JSON.stringify(scope)}: not a scope`);
    const given = own.get(scope) ?? { read: false, write: new Set(), source: sources.length - 1, powers: new Set() };
    own.set(scope, given);
    return given;
  };
  for (const { scope, read = false, write = [], source = 'unverified' } of grants) {
    const given = at(scope);
    given.read ||= read;
    given.source = Math.min(given.source, sources.indexOf(source));
    for (const kind of write) given.write.add(kind);
  }
  for (const { scope, powers } of authorities) for (const power of powers) at(scope).powers.add(power);
}
