import type { Check, Draft, Operation, Verdict } from '../../../markspace/check.ts';
import { accessOf } from '../../../markspace/guard.ts';
import { claimPolicy } from '../../../markspace/regulation/content/claims.ts';
import { secretPolicy } from '../../../markspace/regulation/content/secrets.ts';
import { sizePolicy } from '../../../markspace/regulation/content/size.ts';
import { createRegulation, type Regulation } from '../../../markspace/regulation/regulation.ts';
import { createChain } from '../../../markspace/writing/chain.ts';
import { admitted } from '../../../markspace/writing/verdict.ts';
import { armLineages } from '../../core/config/arm-lineages.ts';
import { operator, planter } from '../../core/config/check-markspace.ts';
import { durationOf, type RegulationConfig } from '../../core/config/markspace-schema.ts';
import type { LineageId } from '../../core/ids.ts';
import { type Fact, factKey } from '../../core/journal.ts';
import { canonicalJson, sha256 } from '../../core/json.ts';
import type { Usage } from '../../core/records.ts';
import type { FileJournal } from '../journal.ts';
import type { RunManifest } from '../run-directory.ts';
import { budgetsOf, envelopeOf, type MarkspaceSettings } from './settings.ts';

/** A person's order to let a lineage go on. */
export interface LiftOrder {
  readonly id: string;
  readonly lineage: LineageId;
  /** `null`: wherever a flag has closed something to it. */
  readonly scope: string | null;
  /** Whether what it does from now on is what it is meant to do. */
  readonly anew: boolean;
}

/** A need that a budget's warning is, to be left in the lineage's name. */
export interface BudgetNeed {
  readonly lineage: LineageId;
  readonly key: string;
  readonly draft: Draft;
}

interface Observed {
  readonly operation: Operation;
  /** The draft only where a policy has rewritten it. */
  readonly verdict:
    | Exclude<Verdict, { allowed: true }>
    | { allowed: true; flags: readonly string[]; draft: Draft | null };
}

const observedFact = 'guard.observed';
const narrowedFact = 'guard.narrowed';
const liftedFact = 'guard.lifted';
const plantedFact = 'probe.planted';
const judgedFact = 'probe.judged';

/**
 * A run's regulation, rebuilt from the run's journal.
 *
 * 1. Every operation that a check was told of is a fact, under a key of what
 *    it belongs to. Asked again under that key, as after a crash, it gets the
 *    verdict it had, and nothing is counted twice.
 * 2. What is flagged, lifted, planted and judged is a fact of its own.
 * 3. The state is a fold over facts; nothing else of it is kept.
 */
export class Conduct {
  /** For the markspace: all of the regulation as one check. */
  readonly check: Check;
  readonly #regulation: Regulation;
  readonly #checks: readonly Check[];
  readonly #names: ReadonlySet<string>;
  #journal: FileJournal | null = null;
  /** What the operation that is judged now belongs to; `null` where it says so itself. */
  #current: { readonly key: string; n: number } | null = null;
  readonly #announced = new Set<string>();
  #lifts = 0;
  readonly #lifted = new Set<string>();
  readonly #planted = new Map<string, readonly Draft[]>();
  readonly #needs: BudgetNeed[] = [];
  #failure: unknown = null;

  constructor(
    { config, arm, seed }: RunManifest,
    rules: RegulationConfig,
    settings: MarkspaceSettings,
    measured: (agent: string) => Iterable<number>,
  ) {
    const lineages = armLineages(config, arm);
    const { clock } = config.markspace.decay;
    const envelope = envelopeOf(rules, clock);
    const { maxBytes, secrets, claims } = rules.content;
    const { probes } = rules;
    this.#regulation = createRegulation({
      access: accessOf(settings.space),
      ...(envelope === null ? {} : { envelope }),
      flagsUntilAll: rules.flagsUntilAll,
      budgets: budgetsOf(rules, lineages),
      content: [
        sizePolicy(maxBytes),
        ...(secrets ? [secretPolicy([])] : []),
        ...(claims ? [claimPolicy(measured)] : []),
      ],
      ...(probes === undefined
        ? {}
        : { probes: { scope: probes.scope, planter, seed, answerMs: durationOf(probes.answer) } }),
    });
    const places = settings.space.lineages.map(
      ({ id }) =>
        (scope: string) =>
          settings.placeOf(id, scope),
    );
    for (const { scope, lineage, reason } of rules.barriers) {
      const paths =
        scope.startsWith('models') || scope.startsWith('strategies') ? [scope] : places.map((at) => at(scope));
      const instances = lineages.filter(({ id, twinOf }) => (twinOf ?? id) === lineage).map(({ id }) => id);
      const agents = lineage === undefined ? [null] : instances;
      for (const path of new Set(paths)) {
        for (const agent of agents) this.#regulation.barriers.narrow({ scope: path, agent }, operator, reason, 0);
      }
    }
    this.#checks = this.#regulation.checks.filter(({ name }) => envelope !== null || name !== 'envelope');
    this.#names = new Set(this.#checks.map(({ name }) => name));
    const chain = createChain(this.#checks);
    this.check = {
      name: 'conduct',
      judge: (operation) => {
        const before = this.#recorded(operation);
        return before === undefined ? chain.judge(operation) : this.#again(before, operation);
      },
      observe: (operation, verdict) => this.#observe(operation, verdict),
    };
  }

  /** From here on facts are written, too. What a crash kept from being said is said now. */
  attach(journal: FileJournal): void {
    this.#journal = journal;
    this.#announce();
  }

  /** Runs the beginning of a guarded call, up to its verdict, as what `key` names. */
  as<T>(key: string, begin: () => T): T {
    const before = this.#current;
    this.#current = { key, n: 0 };
    try {
      return begin();
    } finally {
      this.#current = before;
    }
  }

  /** Takes in a fact of the journal; live ones of operations were taken in when they were judged. */
  apply(fact: Fact, isReplay: boolean): void {
    const { type, key } = fact;
    if (type === observedFact && isReplay) {
      const { operation, verdict } = fact.body as Observed;
      const whole = verdict.allowed ? { ...verdict, draft: verdict.draft ?? operation.draft } : verdict;
      for (const check of this.#checks) check.observe?.(operation, whole);
    } else if (type === narrowedFact || type === judgedFact) this.#announced.add(key);
    else if (type === liftedFact) {
      const { id, lineage, scope, anew } = fact.body as LiftOrder;
      this.#regulation.pardon(lineage, scope, operator, anew);
      this.#lifted.add(id);
      this.#lifts += 1;
    } else if (type === plantedFact) {
      const { lineage, atMs } = fact.body as { lineage: string; atMs: number };
      this.#planted.set(key, this.#regulation.probes!.plant(lineage, atMs).marks);
    } else if (type === 'meta-agent.finished' || type === 'solver.finished') {
      this.#use(key.split('/')[0] as LineageId, (fact.body as { usage: Usage }).usage);
    }
  }

  /** @returns whether it was new. */
  async lift(order: LiftOrder, round: number): Promise<boolean> {
    if (this.#lifted.has(order.id)) return false;
    await this.#write(liftedFact, order.id, { ...order, round });
    return true;
  }

  /** A new probe of the lineage. @returns what the planter has to leave; the same again after a crash. */
  async plant(lineage: LineageId, round: number, atMs: number): Promise<readonly Draft[]> {
    const key = factKey(lineage, round);
    await this.#write(plantedFact, key, { lineage, atMs, round });
    return this.#planted.get(key) ?? [];
  }

  /** Needs that are due, also those that have been left already. */
  get needs(): readonly BudgetNeed[] {
    return this.#needs;
  }

  /** Says which probes are decided. @throws what kept a fact from being written. */
  async settle(atMs: number): Promise<void> {
    for (const { id, agent, topic, verdict } of this.#regulation.probes?.verdicts(atMs) ?? []) {
      if (verdict === 'open' || this.#announced.has(id)) continue;
      await this.#write(judgedFact, id, { lineage: agent, topic, verdict });
    }
    if (this.#failure !== null) throw this.#failure;
  }

  #use(lineage: LineageId, { calls, promptTokens, completionTokens, costUsd }: Usage): void {
    const amounts = { calls, tokens: promptTokens + completionTokens, usd: costUsd ?? 0 };
    for (const { dimension, need } of this.#regulation.budgets.use(lineage, amounts)) {
      const draft: Draft = { kind: 'need', scope: `lineages/${lineage}`, topic: null, fields: need };
      this.#needs.push({ lineage, key: `${lineage}/${dimension}`, draft });
    }
  }

  #keyOf({ agent, type, draft }: Operation): string {
    if (this.#current !== null) return factKey(this.#current.key, this.#current.n);
    const { kind, scope, topic, fields } = draft;
    return factKey(agent, type, sha256(canonicalJson([kind, scope, topic, fields])).slice(0, 16));
  }

  #recorded(operation: Operation): Observed | undefined {
    return this.#journal?.recorded(observedFact, this.#keyOf(operation)) as Observed | undefined;
  }

  /** What was said of it before a crash, as far as the regulation said it. */
  #again({ verdict }: Observed, { draft }: Operation): Verdict {
    if (verdict.allowed) return admitted(verdict.draft ?? draft, verdict.flags);
    return this.#names.has(verdict.check) ? verdict : admitted(draft);
  }

  #observe(operation: Operation, verdict: Verdict): void {
    const key = this.#keyOf(operation);
    const isRepeat = this.#recorded(operation) !== undefined;
    if (this.#current !== null) this.#current.n += 1;
    if (isRepeat) return;
    for (const check of this.#checks) check.observe?.(operation, verdict);
    const said = verdict.allowed
      ? { ...verdict, draft: verdict.draft === operation.draft ? null : verdict.draft }
      : verdict;
    this.#append(observedFact, key, { operation, verdict: said });
    this.#announce();
  }

  /** Barriers that flags have made, and nobody has heard of. */
  #announce(): void {
    for (const { agent, scope, by, reason, sinceMs } of this.#regulation.barriers.list()) {
      const key = factKey(agent ?? 'all', scope ?? 'everything', this.#lifts);
      if (by !== null || this.#announced.has(key)) continue;
      this.#announced.add(key);
      this.#append(narrowedFact, key, { lineage: agent, scope, reason, sinceMs });
    }
  }

  #append(type: string, key: string, body: unknown): void {
    void this.#write(type, key, body).catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  async #write(type: string, key: string, body: unknown): Promise<void> {
    await this.#journal?.append(type, key, body);
  }
}
