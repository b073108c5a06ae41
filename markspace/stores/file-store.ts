import { setImmediate as nextTurn } from 'node:timers/promises';
import { StorageFailedError } from '../../src/core/errors.ts';
import type { Mark, NewMark } from '../mark.ts';
import type { Compaction, MarkStore } from '../store.ts';
import { type LogFile, openLogFile, type Rewrite } from './log-file.ts';
import { createMarkIndex, type MarkIndex } from './mark-index.ts';
import { sealMark } from './seal.ts';
import { inSlices } from './slices.ts';

export interface FileMarkStore extends MarkStore {
  /** What the last crash left behind and opening cut off. */
  readonly torn: LogFile['torn'];
}

/**
 * Marks in an append-only file, and all of them in memory. Appends that
 * arrive while a write is under way share the next one: one write and one
 * `fdatasync` for all. A mark becomes visible when it is on disk.
 *
 * Compaction writes the needed marks to a file beside, while the log goes on
 * growing, and puts it in the log's place between two writes.
 *
 * One process opens a file at a time; the run's lock sees to that.
 *
 * @param path - Made if it does not exist; its directory must.
 * @throws {StorageFailedError} when the file cannot be opened, or naming the line that is damaged.
 */
export async function openFileMarkStore(path: string): Promise<FileMarkStore> {
  const index = createMarkIndex();
  const log = await openLogFile(path, index);
  return new OpenFileStore(log, index);
}

interface Waiting {
  readonly mark: Mark;
  readonly done: Promise<Mark>;
  readonly resolve: (mark: Mark) => void;
  readonly reject: (error: unknown) => void;
}

/** Marks in one write, and in one piece of a compaction: a few milliseconds of work. */
const maxBatch = 1_024;
const compactionBatch = 512;
/** How often a compaction runs after the appends that overtook it before it makes them wait. */
const maxCatchUps = 16;

class OpenFileStore implements FileMarkStore {
  readonly capabilities = { survives: 'power-cut' } as const;
  readonly torn: LogFile['torn'];
  readonly get: MarkIndex['get'];
  readonly inScope: MarkIndex['inScope'];
  readonly under: MarkIndex['under'];
  readonly since: MarkIndex['since'];
  readonly #log: LogFile;
  readonly #index: MarkIndex;
  readonly #waiting = new Map<string, Waiting>();
  #nextOrder: number;
  /** Work on the log that must stand between two batches. */
  #turns: (() => Promise<void>)[] = [];
  #running: Promise<void> | null = null;
  #compacting: Promise<unknown> = Promise.resolve();
  /** What became durable since a compaction began; `null` while there is none. */
  #overtaking: Mark[] | null = null;
  #closed: Promise<void> | null = null;

  constructor(log: LogFile, index: MarkIndex) {
    this.#log = log;
    this.#index = index;
    this.#nextOrder = index.nextOrder;
    this.torn = log.torn;
    this.get = index.get;
    this.inScope = index.inScope;
    this.under = index.under;
    this.since = index.since;
  }

  get size(): number {
    return this.#index.size;
  }

  async append(mark: NewMark): Promise<Mark> {
    this.#assertOpen();
    // Checked before it joins a batch, so that a bad mark fails alone.
    const sealed = sealMark(mark, this.#nextOrder, this.#index);
    const known = this.#index.get(sealed.id) ?? this.#waiting.get(sealed.id)?.done;
    if (known !== undefined) return known;
    const goneOrder = this.#index.gone.get(sealed.id);
    if (goneOrder !== undefined) return Object.freeze({ ...sealed, order: goneOrder });
    this.#nextOrder += 1;
    return this.#enqueue(sealed);
  }

  compact(isNeeded: (mark: Mark) => boolean): Promise<Compaction> {
    const done = this.#compacting.then(() => this.#compact(isNeeded));
    this.#compacting = done.catch(() => {});
    return done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#running;
    await this.#compacting;
    await this.#log.close();
  }

  #assertOpen(): void {
    if (this.#closed !== null) throw new StorageFailedError('the mark store is closed');
  }

  #enqueue(mark: Mark): Promise<Mark> {
    let resolve: Waiting['resolve'] = () => {};
    let reject: Waiting['reject'] = () => {};
    const done = new Promise<Mark>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    this.#waiting.set(mark.id, { mark, done, resolve, reject });
    this.#running ??= this.#run();
    return done;
  }

  async #run(): Promise<void> {
    // Whatever is appended in this turn of the event loop joins the first batch.
    await Promise.resolve();
    while (this.#waiting.size > 0 || this.#turns.length > 0) {
      const turn = this.#turns.shift();
      await (turn === undefined ? this.#writeBatch() : turn());
    }
    this.#running = null;
  }

  async #writeBatch(): Promise<void> {
    const batch: Waiting[] = [];
    for (const waiting of this.#waiting.values()) {
      if (batch.push(waiting) === maxBatch) break;
    }
    const marks = batch.map(({ mark }) => mark);
    const failure = await this.#log.append(marks).then(
      () => null,
      (error: unknown) => ({ error }),
    );
    for (const { mark, resolve, reject } of batch) {
      this.#waiting.delete(mark.id);
      if (failure === null) {
        this.#index.add(mark);
        this.#overtaking?.push(mark);
        resolve(mark);
      } else reject(failure.error);
    }
  }

  /** Runs alone on the log. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#turns.push(() => work().then(resolve, reject));
    });
    this.#running ??= this.#run();
    return done;
  }

  async #compact(isNeeded: (mark: Mark) => boolean): Promise<Compaction> {
    this.#assertOpen();
    const rewrite = await this.#log.rewrite();
    this.#overtaking = [];
    try {
      const { kept, dropped } = await this.#writeNeeded(rewrite, isNeeded);
      await this.#writeGone(rewrite, dropped);
      await rewrite.sync();
      for (let i = 0; i < maxCatchUps && this.#overtaking.length > compactionBatch; i += 1) {
        await rewrite.append(this.#overtaking.splice(0));
      }
      await this.#inTurn(async () => {
        await rewrite.append(this.#overtaking!);
        await rewrite.commit();
      });
      await inSlices(this.#index.drop(dropped));
      return { kept, dropped: dropped.length };
    } finally {
      this.#overtaking = null;
      await rewrite.abandon();
    }
  }

  async #writeNeeded(rewrite: Rewrite, isNeeded: (mark: Mark) => boolean) {
    const dropped: Mark[] = [];
    let kept = 0;
    let batch: Mark[] = [];
    let judged = 0;
    for (const mark of this.#index.since(0)) {
      if (isNeeded(mark)) {
        batch.push(mark);
        kept += 1;
      } else dropped.push(mark);
      judged += 1;
      if (judged % compactionBatch !== 0) continue;
      await (batch.length > 0 ? rewrite.append(batch) : nextTurn());
      batch = [];
      this.#assertOpen();
    }
    if (batch.length > 0) await rewrite.append(batch);
    return { kept, dropped };
  }

  /** After every mark that was judged: all their orders are below those to come. */
  async #writeGone(rewrite: Rewrite, dropped: readonly Mark[]): Promise<void> {
    let batch: [string, number][] = [];
    const put = async (id: string, order: number) => {
      if (batch.push([id, order]) < compactionBatch) return;
      await rewrite.appendGone(batch);
      batch = [];
      this.#assertOpen();
    };
    for (const [id, order] of this.#index.gone) await put(id, order);
    for (const { id, order } of dropped) await put(id, order);
    if (batch.length > 0) await rewrite.appendGone(batch);
  }
}
