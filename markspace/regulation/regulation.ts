import type { Check } from '../check.ts';
import type { Access } from '../scopes/access.ts';
import { type BarrierSnapshot, type Barriers, createBarriers } from './barrier.ts';
import type { EnvelopeConstants } from './baseline.ts';
import { type BudgetLimit, type BudgetSnapshot, type Budgets, createBudgets } from './budgets.ts';
import { type ContentPolicy, createContentCheck } from './content/policy.ts';
import { createEnvelope, type EnvelopeSnapshot } from './envelope.ts';
import { createProbes, type ProbeOptions, type ProbeSnapshot, type Probes } from './probes.ts';
import { createRates, type RateLimit, type RateSnapshot } from './rates.ts';
import { createWatch, type Watch, type WatchSnapshot } from './watch.ts';

export interface RegulationOptions {
  /** Of the markspace: who may lift, which scopes limit rates, who may know of what. */
  readonly access: Access;
  readonly envelope?: Partial<EnvelopeConstants>;
  readonly flagsUntilAll?: number;
  readonly budgets?: Readonly<Record<string, readonly BudgetLimit[]>>;
  readonly content?: readonly ContentPolicy[];
  /** None are planted without. */
  readonly probes?: Omit<ProbeOptions, 'raise'>;
  readonly watchCapacity?: number;
}

/** Plain JSON; with it and the operations since, a resumed run goes on as if it had not stopped. */
export interface RegulationSnapshot {
  readonly barriers: BarrierSnapshot;
  readonly envelope: EnvelopeSnapshot;
  readonly probes: ProbeSnapshot | null;
  readonly rates: RateSnapshot;
  readonly budgets: BudgetSnapshot;
  readonly watch: WatchSnapshot;
}

/** Everything that judges conduct, wired together: what finds an outlier, and what keeps the agent out. */
export interface Regulation {
  /** For the markspace, in order. Tell `watch` of every mark as well. */
  readonly checks: readonly Check[];
  readonly barriers: Barriers;
  readonly budgets: Budgets;
  readonly probes: Probes | null;
  readonly watch: Watch;
  /**
   * Lets an agent go on in a scope, or with `null` everywhere, and forgets the
   * window that raised the flag. With `anew`, its envelope is learnt again:
   * what it does now is what it is meant to do.
   * @throws {MarkspaceDeniedError} when `by` may not lift one of the barriers; nothing is lifted then.
   * @returns how many barriers were lifted; without any, nothing is forgotten.
   */
  pardon(agent: string, scope: string | null, by: string, anew?: boolean): number;
  snapshot(): RegulationSnapshot;
  restore(snapshot: RegulationSnapshot): void;
}

export function createRegulation(options: RegulationOptions): Regulation {
  const { access, envelope: constants = {}, flagsUntilAll = 3, budgets: limits = {}, content = [] } = options;
  const barriers = createBarriers({ covers: (who, scope) => access.hasPower(who, 'lift', scope), flagsUntilAll });
  const envelope = createEnvelope({ constants, raise: barriers.flag });
  const probes = options.probes === undefined ? null : createProbes({ ...options.probes, raise: barriers.flag });
  const rates = createRates((scope) => rateLimitsOver(access, scope));
  const budgets = createBudgets(limits);
  const capacity = options.watchCapacity === undefined ? {} : { capacity: options.watchCapacity };
  const watch = createWatch({ isKnownTo: access.isKnownTo, ...capacity });

  return {
    checks: [
      barriers.check,
      envelope.check,
      rates.check,
      budgets.check,
      ...(probes === null ? [] : [probes.check]),
      createContentCheck(content),
    ],
    barriers,
    budgets,
    probes,
    watch,
    pardon(agent, scope, by, anew = false) {
      const flagged = barriers.list().filter((barrier) => barrier.agent === agent && barrier.by === null);
      const scopes = scope === null ? [null, ...flagged.flatMap((barrier) => barrier.scope ?? [])] : [scope];
      const targets = scopes.map((path) => ({ scope: path, agent }));
      const lifted = barriers.lift(targets, by);
      if (lifted > 0) envelope.forgive(agent, scope, anew);
      return lifted;
    },
    snapshot: () => ({
      barriers: barriers.snapshot(),
      envelope: envelope.snapshot(),
      probes: probes?.snapshot() ?? null,
      rates: rates.snapshot(),
      budgets: budgets.snapshot(),
      watch: watch.snapshot(),
    }),
    restore(snapshot) {
      barriers.restore(snapshot.barriers);
      envelope.restore(snapshot.envelope);
      if (snapshot.probes !== null) probes?.restore(snapshot.probes);
      rates.restore(snapshot.rates);
      budgets.restore(snapshot.budgets);
      watch.restore(snapshot.watch);
    },
  };
}

function* rateLimitsOver(access: Access, scope: string): Generator<RateLimit> {
  for (const { definedAt, rate } of access.settingsOver(scope)) if (rate !== null) yield { scope: definedAt, ...rate };
}
