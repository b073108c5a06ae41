import type { RecordRequest } from '../../actors/archivist/create-archivist.ts';
import { checkpointFact } from '../../actors/archivist/create-archivist.ts';
import { advance, advanceInPlace, emptyState, type LineageState } from '../../actors/lineage/lineage-state.ts';
import { summaryOf } from '../../actors/lineage/summary.ts';
import { better, type Member } from '../../actors/run/create-run.ts';
import { armLineages } from '../core/config/arm-lineages.ts';
import { JournalCorruptError } from '../core/errors.ts';
import type { CommitId, GenomeId, LineageId } from '../core/ids.ts';
import type { Fact } from '../core/journal.ts';
import type { ResultOf } from '../core/messages.ts';
import { addUsage, evaluationsOf, type Generation, noUsage, type Usage } from '../core/records.ts';
import type { RunManifest } from './run-directory.ts';

/** What is known of one lineage from the journal alone. */
export interface KnownLineage {
  readonly state: LineageState;
  member: Member;
  spent: Usage;
  evaluations: number;
  /** Its generations so far, failed ones included. */
  readonly generations: Map<
    number,
    { readonly parent: number | null; readonly genome: GenomeId; readonly commit: CommitId }
  >;
}

/** A round whose commits may not be in the repository yet. */
interface UnsafeRound {
  readonly round: number;
  readonly records: readonly RecordRequest[];
  readonly generations: readonly Generation[];
  readonly isClosed: boolean;
}

interface Finished {
  readonly generation: Generation;
  readonly isBest: boolean;
}

/** The state of a run as a fold over its facts: what resuming starts from. */
export class RunState {
  readonly lineages: ReadonlyMap<LineageId, KnownLineage>;
  readonly #states = new Map<LineageId, FoldedState>();
  #unsafe = new Map<number, { readonly finished: Finished[]; isClosed: boolean }>();
  #openedAtMs = new Map<number, number>();
  readonly #checkpointed = new Map<LineageId, Generation>();
  readonly #isEverythingUnsafe: boolean;
  #manifest: RunManifest;
  /** The first round that is not closed. */
  round = 0;
  ended: 'done' | null = null;
  #finishedSessionsMs = 0;
  #session: { readonly startMs: number; lastMs: number } | null = null;

  /** @param options.isEverythingUnsafe - Keeps what was checkpointed too, for a repository that has lost it. */
  constructor(manifest: RunManifest, { isEverythingUnsafe = false } = {}) {
    this.#manifest = manifest;
    this.#isEverythingUnsafe = isEverythingUnsafe;
    this.lineages = new Map(
      armLineages(manifest.config, manifest.arm).map(({ id, model }) => {
        const folded = foldedState();
        this.#states.set(id, folded);
        const known: KnownLineage = {
          get state() {
            return folded.current;
          },
          member: { lineage: id, model, stop: null, best: null },
          spent: noUsage,
          evaluations: 0,
          generations: new Map(),
        };
        return [id, known];
      }),
    );
  }

  /** Whether no round has been opened yet. */
  isNew = true;

  /** Wall time of all sessions so far, in milliseconds; the time between them does not count. */
  get wallMs(): number {
    return this.#finishedSessionsMs + (this.#session === null ? 0 : this.#session.lastMs - this.#session.startMs);
  }

  /**
   * Rounds to write again after a crash, oldest first.
   * @throws {JournalCorruptError} naming a generation whose parent the journal does not have.
   */
  get unsafeRounds(): readonly UnsafeRound[] {
    return [...this.#unsafe]
      .sort(([a], [b]) => a - b)
      .map(([round, { finished, isClosed }]) => ({
        round,
        records: finished.map((of) => recordOf(this.#manifest, of, this.lineages.get(of.generation.lineage)!)),
        generations: finished.map(({ generation }) => generation),
        isClosed,
      }));
  }

  /** The last generation of each lineage that was checkpointed: the repository must hold it. */
  get checkpointed(): readonly Generation[] {
    return [...this.#checkpointed.values()];
  }

  /** When a round was opened; known for rounds that may have to be written again. */
  openedAtMs(round: number): number {
    return this.#openedAtMs.get(round)!;
  }

  apply(fact: Fact): void {
    if (fact.type === 'session.opened') {
      this.#finishedSessionsMs = this.wallMs;
      this.#session = { startMs: fact.at, lastMs: fact.at };
    } else if (this.#session !== null) this.#session.lastMs = fact.at;
    if (fact.type === 'round.opened') this.isNew = false;
    if (fact.type === 'round.opened') this.#openedAtMs.set((fact.body as { round: number }).round, fact.at);
    else if (fact.type === 'lineage.finished') this.#finishGeneration(fact.body as ResultOf<'lineage'>, fact.key);
    else if (fact.type === 'round.closed') {
      const { round } = fact.body as { round: number };
      this.round = round + 1;
      const unsafe = this.#unsafe.get(round);
      if (unsafe !== undefined) unsafe.isClosed = true;
    } else if (fact.type === checkpointFact) {
      if (!this.#isEverythingUnsafe) this.#forgetSafe((fact.body as { round: number }).round);
    } else if (fact.type === 'run.ended' && (fact.body as { status: string }).status === 'done') this.ended = 'done';
  }

  #forgetSafe(round: number): void {
    for (const [safe, { finished }] of this.#unsafe) {
      if (safe > round) continue;
      for (const { generation } of finished) this.#checkpointed.set(generation.lineage, generation);
      this.#unsafe.delete(safe);
    }
    for (const safe of this.#openedAtMs.keys()) if (safe <= round) this.#openedAtMs.delete(safe);
  }

  #finishGeneration({ generation, stop }: ResultOf<'lineage'>, key: string): void {
    const lineage = this.lineages.get((generation?.lineage ?? key.split('/')[0]) as LineageId);
    if (lineage === undefined) return;
    lineage.member = { ...lineage.member, stop, best: better(lineage.member.best, generation) };
    if (generation === null) return;
    const isBest = lineage.member.best?.generation === generation.generation;
    this.#unsafeRound(generation.round).finished.push({ generation, isBest });
    this.#states.get(generation.lineage)!.add(generation);
    lineage.spent = addUsage(lineage.spent, generation.usage);
    lineage.evaluations += evaluationsOf(generation);
    const { parent, genome, commit } = generation;
    lineage.generations.set(generation.generation, { parent, genome, commit });
  }

  #unsafeRound(round: number) {
    const known = this.#unsafe.get(round) ?? { finished: [], isClosed: false };
    this.#unsafe.set(round, known);
    return known;
  }
}

interface FoldedState {
  readonly current: LineageState;
  add(generation: Generation): void;
}

/** A state that is copied only when somebody has been given it since the last generation: no archive is, when a journal is read. */
function foldedState(): FoldedState {
  let state = emptyState;
  let isShared = true;
  return {
    get current() {
      isShared = true;
      return state;
    },
    add(generation) {
      state = (isShared ? advance : advanceInPlace)(state, generation);
      isShared = false;
    },
  };
}

/** The request that recorded a generation, from what the journal keeps of it. */
function recordOf(manifest: RunManifest, { generation: g, isBest }: Finished, lineage: KnownLineage): RecordRequest {
  return {
    kind: 'record',
    run: manifest.run,
    seed: manifest.seed,
    lineage: g.lineage,
    generation: g.generation,
    round: g.round,
    model: lineage.member.model,
    genome: g.genome,
    ...(g.taskModel === undefined ? {} : { taskModel: g.taskModel }),
    ...(g.adapter === undefined ? {} : { adapter: g.adapter }),
    ...(g.rollback === undefined ? {} : { rollback: g.rollback }),
    parentCommit: parentCommitOf(g, manifest, lineage),
    metaFrom: g.metaFrom,
    verdict: g.verdict,
    summary: summaryOf(g),
    adoption: g.adoption,
    reads: g.reads,
    isBest,
  };
}

function parentCommitOf(
  { lineage: id, generation, parent }: Generation,
  { run }: RunManifest,
  lineage: KnownLineage,
): CommitId | null {
  if (parent === null) return null;
  const commit = lineage.generations.get(parent)?.commit;
  if (commit !== undefined) return commit;
  throw new JournalCorruptError(
    `the journal of ${run} lacks generation ${parent} of lineage ${id}, the parent of its generation ${generation}`,
    { details: { next: 'restore journal.jsonl from a copy, or begin the run again' } },
  );
}
