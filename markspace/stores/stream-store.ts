import { deadline, onAbort, raceAbort } from '../../src/core/abort.ts';
import { MessageInvalidError, StorageFailedError } from '../../src/core/errors.ts';
import { isToken } from '../../src/core/ids.ts';
import type { RecordStream, StoredRecord } from '../../src/core/record-stream.ts';
import type { Mark, NewMark } from '../mark.ts';
import type { Compaction, MarkStore } from '../store.ts';
import { createMarkIndex, type MarkIndex } from './mark-index.ts';
import { deepFreeze, parseMark, sealMark } from './seal.ts';
import { inSlices } from './slices.ts';
import { sortOut } from './sort-out.ts';

export interface StreamMarkStore extends MarkStore {
  /** Records that are no marks, or not what their topic says: left out by every reader. */
  readonly refused: number;
}

export interface StreamStoreOptions {
  /** Told why a record is left out; what is in it was written by somebody else. */
  readonly onRefused?: (why: string, record: StoredRecord) => void;
}

/** Marks that compaction dropped, as `[id, order]`. Only who may write everything can write this topic. */
const goneTopic = 'gone';
const goneBatch = 500;
/** How long closing waits for appends under way. */
const closeMs = 2_000;
/** How long one that is done waits for others that are about to be. */
const togetherMs = 1;

/**
 * Marks on a stream that many processes share, each with all of them in
 * memory. A mark's topic is its author and its scope, so that the server can
 * tell who may watch it; a record whose mark says otherwise is left out. Of
 * two records with one id the first counts, for every reader.
 *
 * An append resolves once the mark is stored and this reader has it.
 *
 * @param stream - Handed over: closed with the store.
 * @throws {BusUnavailableError} when the server cannot be reached.
 */
export async function openStreamMarkStore(
  stream: RecordStream,
  options: StreamStoreOptions = {},
): Promise<StreamMarkStore> {
  const store = new OpenStreamStore(stream, options);
  try {
    await store.catchUp();
    return store;
  } catch (error) {
    await stream[Symbol.asyncDispose]();
    throw error;
  }
}

interface Waiting {
  readonly sequence: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

class OpenStreamStore implements StreamMarkStore {
  readonly capabilities = { survives: 'kill' } as const;
  readonly get: MarkIndex['get'];
  readonly inScope: MarkIndex['inScope'];
  readonly under: MarkIndex['under'];
  readonly since: MarkIndex['since'];
  refused = 0;
  readonly #index = createMarkIndex();
  readonly #stream: RecordStream;
  readonly #options: StreamStoreOptions;
  readonly #appending = new Map<string, Promise<Mark>>();
  /** Appends that are stored and wait until this reader has seen them. */
  #waiting: Waiting[] = [];
  #waking: NodeJS.Timeout | null = null;
  #seen = 0;
  /** Dropped here, and perhaps still on the stream. */
  #toRemove: number[] = [];
  #dropping: Promise<void> = Promise.resolve();
  #compacting: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(stream: RecordStream, options: StreamStoreOptions) {
    this.#stream = stream;
    this.#options = options;
    this.get = this.#index.get;
    this.inScope = this.#index.inScope;
    this.under = this.#index.under;
    this.since = this.#index.since;
    onAbort([stream.ended], () => this.#wake());
  }

  get size(): number {
    return this.#index.size;
  }

  async catchUp(): Promise<void> {
    await this.#stream.follow((record) => this.#take(record));
  }

  async append(mark: NewMark): Promise<Mark> {
    this.#assertUsable();
    const sealed = sealMark(mark, this.#index.nextOrder, this.#index);
    // No reader would take it.
    parseMark(sealed);
    const known = this.#index.get(sealed.id) ?? this.#appending.get(sealed.id);
    if (known !== undefined) return known;
    const goneOrder = this.#index.gone.get(sealed.id);
    if (goneOrder !== undefined) return Object.freeze({ ...sealed, order: goneOrder });
    const done = this.#publish(sealed).finally(() => this.#appending.delete(sealed.id));
    this.#appending.set(sealed.id, done);
    return done;
  }

  async #publish(mark: Mark): Promise<Mark> {
    if (!isToken(mark.author)) throw new MessageInvalidError('mark: its author is not 1 to 63 of a-z0-9-');
    const topic = [mark.author, ...mark.scope.split('/')];
    const { order: _, ...unplaced } = mark;
    const bytes = Buffer.from(JSON.stringify(unplaced));
    // A repeat may be of anything: whoever may write somewhere may have used up the id there.
    for (const id of [mark.id, `${mark.id}.${this.#seen}`]) {
      await this.#untilSeen((await this.#store({ topic, id, bytes })).sequence);
      const stored = this.#index.get(mark.id);
      if (stored !== null) return stored;
      const goneOrder = this.#index.gone.get(mark.id);
      if (goneOrder !== undefined) return Object.freeze({ ...mark, order: goneOrder });
    }
    throw new StorageFailedError(`the mark ${mark.id} was stored but is not read back`);
  }

  async #store(record: Parameters<RecordStream['append']>[0]) {
    try {
      return await this.#stream.append(record);
    } catch (cause) {
      if (cause instanceof StorageFailedError) throw cause;
      throw new StorageFailedError('a mark could not be stored', { cause });
    }
  }

  #untilSeen(sequence: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sequence, resolve, reject });
      this.#wakeSoon();
    });
  }

  /**
   * Wakes appends together: one by one, each would send its caller's next mark
   * in a packet of its own, and be answered so, at a quarter of the speed.
   */
  #wakeSoon(): void {
    if (this.#waiting.length >= this.#appending.size) this.#wake();
    else this.#waking ??= setTimeout(() => this.#wake(), togetherMs);
  }

  #wake(): void {
    if (this.#waking !== null) clearTimeout(this.#waking);
    this.#waking = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const append of waiting) {
      if (append.sequence <= this.#seen) append.resolve();
      else if (this.#stream.ended.aborted) append.reject(this.#stream.ended.reason);
      else this.#waiting.push(append);
    }
  }

  #take(record: StoredRecord): void {
    const { sequence, topic } = record;
    try {
      if (topic.length === 1 && topic[0] === goneTopic) this.#takeGone(record);
      else this.#takeMark(record);
    } catch (error) {
      this.refused += 1;
      this.#options.onRefused?.((error as Error).message, record);
    }
    this.#seen = sequence;
    if (this.#waiting.length > 0) this.#wakeSoon();
  }

  #takeMark({ sequence, topic, bytes }: StoredRecord): void {
    // Kept as it was read: what the check gives back lacks members named __proto__.
    const value = { ...(parseJson(bytes) as object), order: sequence - 1 };
    parseMark(value);
    const mark = value as Mark;
    const said = [mark.author, ...mark.scope.split('/')];
    if (said.join('.') !== topic.join('.')) {
      throw new MessageInvalidError(`a mark of ${said.join('.')} lies on ${topic.join('.')}`);
    }
    if (!isToken(mark.id)) throw new MessageInvalidError('mark: its id is not 1 to 63 of a-z0-9-');
    if (this.#index.get(mark.id) !== null || this.#index.gone.has(mark.id)) return;
    this.#index.add(deepFreeze(mark));
  }

  #takeGone({ bytes }: StoredRecord): void {
    const dropped: Mark[] = [];
    for (const [id, order] of parseJson(bytes) as [string, number][]) {
      const mark = this.#index.get(id);
      if (mark === null) this.#index.addGone(id, order);
      else dropped.push(mark);
    }
    this.#toRemove.push(...dropped.map(({ order }) => order + 1));
    this.#dropping = this.#dropping.then(() => inSlices(this.#index.drop(dropped)));
  }

  compact(isNeeded: (mark: Mark) => boolean): Promise<Compaction> {
    const done = this.#compacting.then(() => this.#compact(isNeeded));
    this.#compacting = done.catch(() => {});
    return done;
  }

  async #compact(isNeeded: (mark: Mark) => boolean): Promise<Compaction> {
    this.#assertUsable();
    const { kept, dropped } = await sortOut(this.#index.since(0), isNeeded, () => this.#assertUsable());
    for (let at = 0; at < dropped.length; at += goneBatch) {
      this.#assertUsable();
      const batch = dropped.slice(at, at + goneBatch).map(({ id, order }) => [id, order]);
      const bytes = Buffer.from(JSON.stringify(batch));
      const id = `${batch[0]![1]}-${batch.at(-1)![1]}-${this.#seen}`;
      await this.#untilSeen((await this.#store({ topic: [goneTopic], id, bytes })).sequence);
    }
    await this.#dropping;
    const toRemove = this.#toRemove;
    this.#toRemove = [];
    // Once their ids are on the stream, the marks are gone for every reader; this only gives the space back.
    await this.#stream.remove(toRemove).catch((error) => {
      this.#toRemove.push(...toRemove);
      if (this.#closed === null) throw error;
    });
    return { kept, dropped: dropped.length };
  }

  #assertUsable(): void {
    if (this.#closed !== null) throw new StorageFailedError('the mark store is closed');
    this.#stream.ended.throwIfAborted();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    using limit = deadline(this.#stream.ended, closeMs);
    // Whoever still waits for a server that is away is told that the stream was closed.
    await raceAbort(Promise.allSettled(this.#appending.values()), limit.signal).catch(() => {});
    await this.#stream[Symbol.asyncDispose]();
    await this.#compacting;
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (cause) {
    throw new MessageInvalidError('a record is not JSON', { cause });
  }
}
