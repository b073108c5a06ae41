import type { Clock } from '../src/core/clock.ts';
import type { FileTree } from '../src/core/file-tree.ts';
import type { GenomeId, LineageId, RunId } from '../src/core/ids.ts';
import type { Journal } from '../src/core/journal.ts';
import type { StrategyRef } from '../src/core/records.ts';
import type { Check } from './check.ts';
import type { Denials } from './denials.ts';
import type { Engine } from './engine.ts';
import type { Mark } from './mark.ts';
import type { MarkspacePolicy } from './policy.ts';
import type { Publisher } from './publish.ts';
import type { Access, Member } from './scopes/access.ts';
import type { ScopeDefinition } from './scopes/definition.ts';
import type { MarkStore } from './store.ts';
import type { ShownScope } from './strategies/mark-files.ts';
import type { Mounter } from './strategies/mounter.ts';
import type { Telemetry } from './telemetry.ts';
import type { Assess } from './writing/assessment.ts';
import type { Chain } from './writing/chain.ts';

export interface MarkspaceOptions {
  readonly run: RunId;
  /** Everyone there is; nobody else gets a handle. `model` is the one its calls reach, and is shown to peers. */
  readonly lineages: readonly { readonly id: LineageId; readonly model?: string }[];
  /** Handed over: closed with the markspace. */
  readonly store: MarkStore;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly genomes: { get(id: GenomeId): Promise<FileTree> };
  /** Absolute path; materialised strategies and evaluations live below it. Made when first needed. */
  readonly directory: string;
  readonly policy: MarkspacePolicy;
  /** Besides `strategies`, `lineages` and `models`, or in their place. */
  readonly scopes?: readonly ScopeDefinition[];
  /** Shared scopes that a lineage is shown as files under `marks/`; without any there is no such directory. */
  readonly shown?: (lineage: LineageId) => readonly ShownScope[];
  /** Everybody else who gets a handle, and what lineages may do beyond their own scopes. */
  readonly members?: readonly Member[];
  /** Barrier, envelope, rates, content policies: asked in this order. */
  readonly checks?: readonly Check[];
  /** What marks weigh when they are made. */
  readonly assess?: Assess;
  /** Whether exactly this strategy is one that another run published and lends to this one. */
  readonly isLent?: ((ref: StrategyRef) => boolean) | null;
  readonly telemetry?: Telemetry;
  /** Told of every mark once it is kept; what it throws changes nothing. */
  readonly onMark?: (mark: Mark) => void;
}

/** The parts of an open markspace. */
export interface Space {
  readonly options: MarkspaceOptions;
  readonly denials: Denials;
  readonly access: Access;
  readonly engine: Engine;
  readonly publisher: Publisher;
  readonly mounter: Mounter;
  readonly reaching: Chain;
  isClosed: boolean;
  readonly busy: Set<Promise<unknown>>;
}
