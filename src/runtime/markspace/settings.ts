import type { MarkspaceOptions } from '../../../markspace/guard.ts';
import { defaultPolicy, type MarkspacePolicy } from '../../../markspace/policy.ts';
import type { EnvelopeConstants } from '../../../markspace/regulation/baseline.ts';
import type { BudgetLimit } from '../../../markspace/regulation/budgets.ts';
import { contains, modelsScope, strategiesScope } from '../../../markspace/scope.ts';
import type { Member } from '../../../markspace/scopes/access.ts';
import type { ScopeDefinition } from '../../../markspace/scopes/definition.ts';
import type { ShownScope } from '../../../markspace/strategies/mark-files.ts';
import { type ArmLineage, armLineages, circlesOf } from '../../core/config/arm-lineages.ts';
import { arms } from '../../core/config/arms.ts';
import { operator, planter } from '../../core/config/check-markspace.ts';
import {
  type Duration,
  durationOf,
  type RegulationConfig,
  type ScopeConfig,
} from '../../core/config/markspace-schema.ts';
import type { LineageId } from '../../core/ids.ts';
import type { RunManifest } from '../run-directory.ts';

/** What a run's markspace is made of, from its manifest alone. Pure: whoever reads the run later finds the same. */
export interface MarkspaceSettings {
  readonly space: Required<Pick<MarkspaceOptions, 'lineages' | 'policy' | 'scopes' | 'members' | 'shown'>>;
  /** Whether lineages may leave marks. */
  readonly isShared: boolean;
  /** Where a scope that a lineage names lies. */
  readonly placeOf: (lineage: LineageId, scope: string) => string;
  /** A text of the guard's in the words that the lineage knows. */
  readonly inWordsFor: (lineage: LineageId, text: string) => string;
}

/** Lineages that must not see each other have shared scopes of their own below this one. */
const apart = (lineage: string) => `apart/${lineage}`;
const owned = ['strategies', 'lineages', modelsScope];

export function markspaceSettings({ config, arm }: Pick<RunManifest, 'config' | 'arm'>): MarkspaceSettings {
  const { markspace } = config;
  const lineages = armLineages(config, arm);
  const ids = lineages.map(({ id }) => id);
  const { strategies } = arms[arm];
  const isTogether = strategies === 'peers';
  const circles = circlesOf(lineages, arm);
  /** Where a lineage's shared scopes lie: among all, with its twin alone, or by itself. */
  const prefixOf = (lineage: LineageId) =>
    isTogether ? '' : `${apart(strategies === 'twin' ? circles.get(lineage)! : lineage)}/`;
  const shared = Object.entries(markspace.scopes).filter(([path]) => !owned.includes(path.split('/')[0]!));
  const probed = markspace.regulation?.probes?.scope;
  // What is not for everybody is open to nobody, and given to those whom it is for.
  const openScopes = strategies === 'peers' || strategies === 'sham' ? defaultPolicy.openScopes : [];
  const policy: MarkspacePolicy = {
    ...defaultPolicy,
    genome: config.genome,
    visibility: config.visibility,
    openScopes,
    executableBit: 'clear',
  };
  const times = timesOf(markspace.decay);
  const scopes: ScopeDefinition[] = [
    {
      path: 'strategies',
      visibility: openScopes.includes('strategies') ? 'open' : 'classified',
      ...{ verbs: ['observation'], topics: ['strategy'], ...times, ...limitsOf(markspace.scopes.strategies) },
    },
    { path: 'lineages', visibility: 'classified', ...times },
    { path: modelsScope, visibility: 'classified', verbs: [], ...times, ...limitsOf(markspace.scopes[modelsScope]) },
    ...[...new Set(ids.map(prefixOf))].flatMap((prefix) =>
      shared.map(([path, scope]) =>
        definitionOf(`${prefix}${path}`, scope, shared.some(([other]) => path.startsWith(`${other}/`)) ? {} : times),
      ),
    ),
    ...(probed === undefined ? [] : [{ path: probed, visibility: 'classified' as const, ...times }]),
  ];
  const outermost = scopes
    .map(({ path }) => path)
    .filter((path) => !scopes.some((s) => s.path !== path && contains(s.path, path)));
  const members: Member[] = [
    {
      id: operator,
      grants: outermost.map((scope) => ({ scope, read: true })),
      authorities: outermost.map((scope) => ({ scope, powers: ['lift', 'resolve', 'supersede'] })),
    },
    ...lineages.map((lineage) => memberOf(lineage, shared, prefixOf(lineage.id), probed)),
    ...(strategies === 'twin' ? lineages.map((lineage) => twinReader(lineage, lineages)) : []),
    ...(probed === undefined
      ? []
      : [
          {
            id: planter,
            grants: [{ scope: probed, read: true, write: ['observation', 'need'], source: 'fleet' }],
          } as Member,
        ]),
  ];
  const shown = (lineage: LineageId): ShownScope[] => [
    ...shared.map(([as]) => ({ scope: `${prefixOf(lineage)}${as}`, as })),
    ...(probed === undefined ? [] : [{ scope: `${probed}/${lineage}`, as: probed }]),
  ];
  return {
    space: {
      lineages: lineages.map(({ id, model }) => ({ id, model })),
      ...{ policy, scopes, members, shown },
    },
    isShared: shared.length > 0,
    placeOf: (lineage, scope) => `${prefixOf(lineage)}${scope}`,
    inWordsFor: (lineage, text) => (isTogether ? text : text.replaceAll(prefixOf(lineage), '')),
  };
}

function timesOf({
  halfLife,
  warningHalfLife,
  intentTtl,
}: { [K in 'halfLife' | 'warningHalfLife' | 'intentTtl']?: Duration | undefined }) {
  return {
    ...(halfLife === undefined ? {} : { halfLifeMs: durationOf(halfLife) }),
    ...(warningHalfLife === undefined ? {} : { warningHalfLifeMs: durationOf(warningHalfLife) }),
    ...(intentTtl === undefined ? {} : { intentTtlMs: durationOf(intentTtl) }),
  };
}

function limitsOf(scope: ScopeConfig | undefined) {
  const { rate, quota } = scope ?? {};
  return {
    ...(rate === undefined
      ? {}
      : { rate: { perAgent: rate.perAgent ?? null, total: rate.total ?? null, windowMs: durationOf(rate.window) } }),
    ...(quota === undefined ? {} : { quota }),
  };
}

function definitionOf(path: string, scope: ScopeConfig, defaults: object): ScopeDefinition {
  const { visibility, verbs, topics, conflicts, deferred } = scope;
  return {
    path,
    ...defaults,
    ...timesOf(scope),
    ...limitsOf(scope),
    ...(visibility === undefined ? {} : { visibility }),
    ...(verbs === undefined ? {} : { verbs }),
    ...(topics === undefined ? {} : { topics }),
    ...(conflicts === undefined ? {} : { conflicts }),
    ...(deferred === undefined
      ? {}
      : { deferred: { everyMs: durationOf(deferred.every), maxPending: deferred.maxPending } }),
  };
}

const kinds = ['intent', 'action', 'observation', 'warning', 'need'] as const;

/** Rights pass down: a scope without members of its own has those of the scope above, and without one there everybody. */
function memberOf(
  { id, twinOf }: ArmLineage,
  shared: [string, ScopeConfig][],
  prefix: string,
  probed: string | undefined,
): Member {
  const isTop = (path: string) => !shared.some(([other]) => path.startsWith(`${other}/`));
  const given = shared.filter(([path, { members }]) => members?.includes(twinOf ?? id) ?? isTop(path));
  return {
    id,
    grants: [
      ...given.map(([path]) => ({ scope: `${prefix}${path}`, read: true, write: kinds, source: 'fleet' as const })),
      ...(probed === undefined ? [] : [{ scope: `${probed}/${id}`, read: true }]),
    ],
  };
}

/** An instance of a model reads what the other one published. */
function twinReader({ id, twinOf }: ArmLineage, lineages: readonly ArmLineage[]): Member {
  const other = twinOf ?? lineages.find((one) => one.twinOf === id)!.id;
  return { id, grants: [{ scope: strategiesScope(other), read: true }] };
}

/** Limits by lineage, in the form of the regulation. A twin has its original's. */
export function budgetsOf(
  { budgets }: RegulationConfig,
  lineages: readonly ArmLineage[],
): Record<string, BudgetLimit[]> {
  return Object.fromEntries(
    lineages.map(({ id, twinOf }) => [
      id,
      budgets.filter(({ lineage }) => lineage === undefined || lineage === (twinOf ?? id)),
    ]),
  );
}

/** Constants of the envelope; `null` where it is off. */
export function envelopeOf(
  { envelope }: RegulationConfig,
  clock: 'wall' | 'rounds',
): Partial<EnvelopeConstants> | null {
  if (envelope === false) return null;
  const { window, ...rest } = envelope === true ? {} : envelope;
  const windowMs = window === undefined ? (clock === 'rounds' ? 1 : 60_000) : durationOf(window);
  return { windowMs, ...(Object.fromEntries(Object.entries(rest).filter(([, v]) => v !== undefined)) as object) };
}
