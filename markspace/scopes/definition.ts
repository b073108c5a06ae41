import { z } from 'zod';
import { ConfigInvalidError } from '../../src/core/errors.ts';
import { markKinds } from '../check.ts';
import { isScope, upwards } from '../scope.ts';

/** From the most open to the most closed. */
export const visibilities = ['open', 'protected', 'classified'] as const;
/** `open`: everybody reads; `protected`: everybody reads all but the content; `classified`: who may not read it cannot tell that it exists. */
export type Visibility = (typeof visibilities)[number];

export const conflictPolicies = ['first-writer', 'highest-confidence', 'yield-all'] as const;
/** Who may go on when several want the same resource. `yield-all`: nobody, until a principal speaks. */
export type ConflictPolicy = (typeof conflictPolicies)[number];

const count = z.int().positive();
const duration = z.number().positive();

const deferredSchema = z.strictObject({
  /** A boundary at every multiple of this; less than the intents' lifetime, so that each meets one alive. */
  everyMs: duration,
  /** A boundary also when this many agents wait for one resource. */
  maxPending: count,
});

const rateSchema = z.strictObject({ perAgent: count.nullable(), total: count.nullable(), windowMs: duration });

const settingsSchema = z.strictObject({
  visibility: z.enum(visibilities),
  /** Kinds of marks that may lie here; `action` says that one may act here. */
  verbs: z.array(z.enum(markKinds)).readonly(),
  /** Topics of observations and warnings; `null` for any. */
  topics: z.array(z.string()).readonly().nullable(),
  conflicts: z.enum(conflictPolicies),
  /** `null` resolves a conflict when it arises. */
  deferred: deferredSchema.readonly().nullable(),
  /** Of observations. Durations are in the clock's unit: milliseconds, or rounds where it counts those. */
  halfLifeMs: duration,
  warningHalfLifeMs: duration,
  intentTtlMs: duration,
  /** Operations in any window, here and below. Not inherited: each scope above keeps its own. */
  rate: rateSchema.readonly().nullable(),
  /** Marks that one agent may leave, here and below. Not inherited, likewise. */
  quota: count.nullable(),
});

/** What an experiment says about a scope; the rest comes from the scope above it, or from the defaults. */
export const scopeDefinitionSchema = z.strictObject({
  path: z.string().refine(isScope, 'not a scope: tokens of a-z, 0-9 and "-", joined by "/"'),
  ...settingsSchema.partial().shape,
});
export type ScopeDefinition = z.input<typeof scopeDefinitionSchema>;
export type Deferred = z.output<typeof deferredSchema>;
export type RateLimit = z.output<typeof rateSchema>;

/** All that holds for a scope. */
export type ScopeSettings = Readonly<z.output<typeof settingsSchema>> & {
  /** The innermost definition that covers the scope. */
  readonly definedAt: string;
};

const hourMs = 3_600_000;

export const defaultTimes = {
  halfLifeMs: 6 * hourMs,
  warningHalfLifeMs: 2 * hourMs,
  intentTtlMs: hourMs / 2,
} as const;

/** For experiments on transfer, where one attempt takes hours. */
export const transferTimes = {
  halfLifeMs: 24 * hourMs,
  warningHalfLifeMs: 12 * hourMs,
  intentTtlMs: hourMs,
} as const;

export const defaultSettings: Omit<ScopeSettings, 'definedAt'> = Object.freeze({
  visibility: 'open',
  verbs: markKinds,
  topics: null,
  conflicts: 'first-writer',
  deferred: null,
  ...defaultTimes,
  rate: null,
  quota: null,
});

/**
 * Completes definitions from those above them.
 * @throws {ConfigInvalidError} naming every path that is wrong.
 */
export function settle(definitions: readonly ScopeDefinition[]): ReadonlyMap<string, ScopeSettings> {
  const problems: string[] = [];
  const settled = new Map<string, ScopeSettings>();
  // Outer scopes come first: a path is longer than what contains it.
  const sorted = [...definitions].sort((a, b) => a.path.length - b.path.length);
  for (const definition of sorted) {
    const parsed = scopeDefinitionSchema.safeParse(definition);
    if (!parsed.success) {
      problems.push(`scope ${JSON.stringify(definition.path)}: ${z.prettifyError(parsed.error)}`);
      continue;
    }
    const { path, ...given } = parsed.data;
    const above = nearest(settled, path);
    const inherited = { ...(above ?? defaultSettings), rate: null, quota: null };
    const all: ScopeSettings = { ...inherited, ...withoutUndefined(given), definedAt: path };
    if (settled.has(path)) problems.push(`scope ${path}: defined twice`);
    else problems.push(...contradictions(all, above).map((problem) => `scope ${path}: ${problem}`));
    settled.set(path, Object.freeze(all));
  }
  if (problems.length > 0) throw new ConfigInvalidError(`invalid scopes\n${problems.join('\n')}`);
  return settled;
}

/** The innermost definition that covers the scope. */
function nearest(settled: ReadonlyMap<string, ScopeSettings>, scope: string): ScopeSettings | null {
  for (const found of covering(settled, scope)) return found;
  return null;
}

/** Every definition that covers the scope, innermost first. */
export function* covering(settled: ReadonlyMap<string, ScopeSettings>, scope: string): Generator<ScopeSettings> {
  for (const path of upwards(scope)) {
    const found = settled.get(path);
    if (found !== undefined) yield found;
  }
}

function contradictions(scope: ScopeSettings, above: ScopeSettings | null): string[] {
  const problems: string[] = [];
  const { visibility, deferred, intentTtlMs } = scope;
  if (above !== null && visibilities.indexOf(visibility) < visibilities.indexOf(above.visibility)) {
    problems.push(`cannot be ${visibility} below ${above.definedAt}, which is ${above.visibility}`);
  }
  if (deferred !== null && deferred.everyMs >= intentTtlMs) {
    problems.push(`deferred.everyMs (${deferred.everyMs}) must be below intentTtlMs (${intentTtlMs})`);
  }
  return problems;
}

function withoutUndefined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}
