import { join } from 'node:path';
import { createMarkspace } from '../../../markspace/guard.ts';
import { guestDesk } from '../../../markspace/guests.ts';
import type { LineageHandle, Markspace } from '../../../markspace/markspace.ts';
import type { MarkStore } from '../../../markspace/store.ts';
import { serveNatsGuests } from '../../bus/nats-guests.ts';
import type { Clock } from '../../core/clock.ts';
import { planter } from '../../core/config/check-markspace.ts';
import { MarkspaceDeniedError } from '../../core/errors.ts';
import type { FileTree } from '../../core/file-tree.ts';
import { type LineageId, parseMarkId } from '../../core/ids.ts';
import type { Fact } from '../../core/journal.ts';
import { canonicalJson, type Json, sha256 } from '../../core/json.ts';
import type { Logger } from '../../core/log.ts';
import type { StrategyRef } from '../../core/records.ts';
import type { GenomeStore } from '../../lineage/lineage.ts';
import type { Broker } from '../broker.ts';
import type { FileJournal } from '../journal.ts';
import { type RunManifest, runPaths } from '../run-directory.ts';
import type { RunState } from '../run-state.ts';
import { Conduct } from './conduct.ts';
import { connectionOf, openRunStore } from './open-store.ts';
import { readOrders } from './orders.ts';
import { Outboxes } from './outboxes.ts';
import { type MarkspaceSettings, markspaceSettings } from './settings.ts';
import { assessFrom } from './standing.ts';

export interface MarkspaceParts {
  readonly dir: string;
  readonly journal: FileJournal;
  readonly genomes: GenomeStore;
  readonly broker: Broker | null;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a strategy is one that another run lends; `null` where none does. */
  readonly isLent?: ((ref: StrategyRef) => boolean) | null;
}

/** Fewer marks than this are not worth compacting. */
const leastToCompact = 1_000;

/**
 * A run's markspace with all that its experiment says of it. Made before the
 * journal is read, so that every fact passes it; opened once it has been.
 */
export class RunMarkspace implements AsyncDisposable {
  readonly #manifest: RunManifest;
  readonly #state: RunState;
  readonly #settings: MarkspaceSettings;
  readonly #conduct: Conduct | null;
  readonly #outboxes: Outboxes;
  #parts: MarkspaceParts | null = null;
  #space: Markspace | null = null;
  #store: MarkStore | null = null;
  #clock: Clock | null = null;
  #keptLast = 0;
  #compacting: Promise<void> = Promise.resolve();
  #guests: AsyncDisposable | null = null;

  constructor(manifest: RunManifest, state: RunState) {
    const { regulation } = manifest.config.markspace;
    this.#manifest = manifest;
    this.#state = state;
    this.#settings = markspaceSettings(manifest);
    this.#conduct =
      regulation === undefined
        ? null
        : new Conduct(manifest, regulation, this.#settings, (agent) => this.#measuredOf(agent));
    this.#outboxes = new Outboxes({ run: manifest.run, settings: this.#settings, conduct: this.#conduct });
  }

  /** After the run's own state has taken it in. */
  apply(fact: Fact, isReplay: boolean): void {
    this.#conduct?.apply(fact, isReplay);
    this.#outboxes.apply(fact);
  }

  /** @throws {StorageFailedError} {@link ConfigInvalidError} {@link BusUnavailableError} */
  async open(parts: MarkspaceParts): Promise<Markspace> {
    const { dir, journal, genomes, broker, log } = parts;
    const { run, config } = this.#manifest;
    const paths = runPaths(dir);
    const { store: kind, decay } = config.markspace;
    const isNew = this.#state.isNew;
    this.#clock = decay.clock === 'wall' ? parts.clock : { now: () => this.#state.round };
    this.#store = await openRunStore({ kind, run, path: paths.marks, broker, isNew, log });
    this.#space = createMarkspace({
      ...this.#settings.space,
      directory: join(paths.markspace, 'strategies'),
      ...{ run, store: this.#store, journal, clock: this.#clock, genomes },
      checks: this.#conduct === null ? [] : [this.#conduct.check],
      assess: assessFrom(this.#state.lineages),
      isLent: parts.isLent ?? null,
    });
    this.#conduct?.attach(journal);
    this.#parts = parts;
    this.#keptLast = this.#store.size;
    // Where lineages have accounts, an agent of one may ask the guard from another process.
    if (broker !== null && broker.credential !== null && kind === 'nats') {
      this.#guests = await serveNatsGuests({ ...connectionOf(broker, run, log), answer: guestDesk(this.#space) });
    }
    return this.#space;
  }

  /** Takes what a generation wants to leave out of its tree. */
  take(lineage: LineageId, generation: number, tree: FileTree): Promise<FileTree> {
    return this.#outboxes.take(this.#parts!.journal, lineage, generation, tree);
  }

  refusedOf(lineage: LineageId): Json | undefined {
    return this.#outboxes.refusedOf(lineage);
  }

  /** A call of a model, as an operation of the sitting that `key` names. */
  reach(handle: LineageHandle, key: string, request: Parameters<LineageHandle['reach']>[0]) {
    const begin = () => handle.reach(request);
    return this.#conduct === null ? begin() : this.#conduct.as(key, begin);
  }

  /** Before anybody moves: what a person ordered, and what is planted. */
  async beforeRound(round: number): Promise<void> {
    if (this.#conduct === null) return;
    for (const order of readOrders(this.#parts!.dir)) await this.#conduct.lift(order, round);
    const probes = this.#manifest.config.markspace.regulation?.probes;
    if (probes !== undefined && round > 0 && round % probes.every === 0) await this.#plant(round);
    await this.#conduct.settle(this.#clock!.now());
  }

  /** When everybody has moved: what they wanted to leave, in an order that no clock decides. */
  async afterRound(round: number): Promise<void> {
    const { journal } = this.#parts!;
    await this.#outboxes.deliver(this.#space!, journal, round);
    for (const { lineage, key, draft } of this.#conduct?.needs ?? []) {
      await this.#unlessDenied(() => this.#space!.handleFor(lineage).write(draft, this.#idOf('need', key)));
    }
    await this.#conduct?.settle(this.#clock!.now());
    this.#compactSometimes();
  }

  async #plant(round: number): Promise<void> {
    const by = this.#space!.memberHandle(planter);
    for (const { id } of this.#settings.space.lineages) {
      const marks = await this.#conduct!.plant(id, round, this.#clock!.now());
      for (const [i, draft] of marks.entries()) {
        const key = `${id}/${round}/${i}`;
        const begin = () => by.write(draft, this.#idOf(draft.kind, `probe/${key}`));
        await this.#unlessDenied(() => this.#conduct!.as(`probe/${key}`, begin));
      }
    }
  }

  /** A refusal is a fact already; the run goes on. */
  async #unlessDenied(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!(error instanceof MarkspaceDeniedError)) throw error;
    }
  }

  #idOf(kind: string, key: string) {
    return parseMarkId(`${kind}-${sha256(canonicalJson([this.#manifest.run, key])).slice(0, 40)}`);
  }

  /** Worth its cost when the marks have doubled since the last time; nobody waits for it. */
  #compactSometimes(): void {
    const { size } = this.#store!;
    if (size < leastToCompact || size < 2 * this.#keptLast) return;
    this.#keptLast = size;
    this.#compacting = this.#space!.compact().then(
      ({ kept }) => {
        this.#keptLast = kept;
      },
      (err: unknown) => this.#parts!.log.warn({ err }, 'marks could not be compacted'),
    );
  }

  /** Numbers that the lineage may speak of: those that it was shown. */
  *#measuredOf(agent: string): Generator<number> {
    const { visibility } = this.#manifest.config;
    for (const [id, { state }] of this.#state.lineages) {
      for (const { train, selection } of state.archive) {
        const isOwn = id === agent;
        if (isOwn && visibility.train && train?.status === 'measured') yield train.score;
        const isShown = isOwn ? visibility.selection : visibility.peerScores;
        if (isShown && selection?.status === 'measured') yield selection.score;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guests?.[Symbol.asyncDispose]();
    await this.#compacting;
    await this.#space?.[Symbol.asyncDispose]();
  }
}
