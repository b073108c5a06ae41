import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Clock, wallClock } from '../core/clock.ts';
import { StorageFailedError } from '../core/errors.ts';
import type { Fact, Journal } from '../core/journal.ts';
import { encodeFact } from './journal-lines.ts';
import { type JournalEnd, scanJournal } from './scan-journal.ts';

export { scanJournal } from './scan-journal.ts';

const sync = promisify(fdatasync);

/** Facts after which the journal is flushed to the device before anybody is told. */
const commitPoints = new Set(['run.opened', 'lineage.finished', 'round.closed', 'run.ended']);

/** Facts that end a round: nothing recorded before is asked for again. */
const roundEnd = 'round.closed';

/**
 * A run's journal as a file: one JSON fact a line, numbered, each line's hash
 * covering the line before. A fact is written before anybody hears of it, so
 * it survives a killed process; commit points are also flushed to the device.
 * Facts that come together are written together, and told in their order.
 */
export interface FileJournal extends Journal, AsyncDisposable {
  /** The recorded body, or `undefined`. Only facts of the round under way are remembered. */
  recorded(type: string, key: string): unknown;
  readonly length: number;
}

export interface JournalOptions {
  readonly clock?: Clock;
  /** Called for every fact once it is written, and at opening for every fact found. */
  readonly onFact?: (fact: Fact, isReplay: boolean) => void;
}

/**
 * Opens or creates a journal. A last line that was torn by a crash is cut off.
 * @throws {JournalCorruptError} naming the line when the hash chain is broken anywhere else.
 * @throws {StorageFailedError} when the file cannot be written.
 */
export async function openJournal(path: string, options: JournalOptions = {}): Promise<FileJournal> {
  let underWay: Fact[] = [];
  const end = await scanJournal(path, (fact) => {
    if (fact.type === roundEnd) underWay = [];
    else underWay.push(fact);
    options.onFact?.(fact, true);
  });
  return new OpenJournal(path, end, underWay, options);
}

const idOf = ({ type, key }: Pick<Fact, 'type' | 'key'>) => `${type} ${key}`;

class OpenJournal implements FileJournal {
  #fd: number;
  /** Of what lies in the file. */
  #end: JournalEnd;
  /** Of what lies in the file or is about to. */
  #next: JournalEnd;
  #waiting: Waiting[] = [];
  #isWriting = false;
  /** Of the round under way. */
  #memory: Map<string, Fact>;
  #onFact: JournalOptions['onFact'];
  #clock: Clock;
  #underWay = new Map<string, Promise<unknown>>();
  #broken: StorageFailedError | null = null;
  #isClosed = false;

  constructor(path: string, end: JournalEnd, underWay: readonly Fact[], { clock = wallClock, onFact }: JournalOptions) {
    this.#end = end;
    this.#next = end;
    this.#memory = new Map(underWay.map((fact) => [idOf(fact), fact]));
    this.#onFact = onFact;
    this.#clock = clock;
    this.#fd = storage('open', path, () => openSync(path, 'a'));
    storage('open', path, () => ftruncateSync(this.#fd, end.bytes));
  }

  get length(): number {
    return this.#end.seq;
  }

  recorded(type: string, key: string): unknown {
    return this.#memory.get(idOf({ type, key }))?.body;
  }

  once<T>(type: string, key: string, effect: () => Promise<T>): Promise<T> {
    const id = idOf({ type, key });
    const known = this.#memory.get(id);
    if (known !== undefined) return Promise.resolve(known.body as T);
    const shared = this.#underWay.get(id);
    if (shared !== undefined) return shared as Promise<T>;
    const work = this.#record(id, { type, key }, effect());
    this.#underWay.set(id, work);
    return work;
  }

  async #record<T>(id: string, { type, key }: Pick<Fact, 'type' | 'key'>, effect: Promise<T>): Promise<T> {
    try {
      const body = await effect;
      await this.#write(type, key, body);
      return body;
    } finally {
      this.#underWay.delete(id);
    }
  }

  async append(type: string, key: string, body: unknown): Promise<void> {
    await this.once(type, key, async () => body);
  }

  #write(type: string, key: string, body: unknown): Promise<void> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    if (this.#isClosed) return Promise.reject(new StorageFailedError('the journal is closed'));
    const fact: Fact = { seq: this.#next.seq, at: this.#clock.now(), type, key, body };
    const { line: bytes, hash } = encodeFact(fact, this.#next.hash);
    const end = { seq: fact.seq + 1, hash, bytes: this.#next.bytes + bytes.byteLength };
    this.#next = end;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ fact, bytes, end, resolve, reject });
      if (this.#isWriting) return;
      this.#isWriting = true;
      // After those that ask in the same breath: what comes together is written together.
      queueMicrotask(() => void this.#writeOut());
    });
  }

  /** Writes what waits, in order, until nothing does. Never rejects. */
  async #writeOut(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        this.#writeTogether(batch);
        if (batch.some(({ fact }) => commitPoints.has(fact.type))) await this.#flush();
      } catch (error) {
        for (const { reject } of batch) reject(error);
        continue;
      }
      for (const { fact, resolve, reject } of batch) {
        try {
          this.#remember(fact);
          resolve();
        } catch (error) {
          reject(error);
        }
      }
    }
    this.#isWriting = false;
  }

  #remember(fact: Fact): void {
    if (fact.type === roundEnd) this.#memory.clear();
    else this.#memory.set(idOf(fact), fact);
    this.#onFact?.(fact, false);
  }

  #writeTogether(batch: readonly Waiting[]): void {
    if (this.#broken !== null) throw this.#broken;
    try {
      writeAll(this.#fd, batch.length === 1 ? batch[0]!.bytes : Buffer.concat(batch.map(({ bytes }) => bytes)));
    } catch (cause) {
      this.#broken = new StorageFailedError('the journal could not be written; free some space and resume the run', {
        cause,
      });
      // Half a line would look like a crash; take it back while we still can.
      try {
        ftruncateSync(this.#fd, this.#end.bytes);
      } catch {}
      throw this.#broken;
    }
    this.#end = batch.at(-1)!.end;
  }

  async #flush(): Promise<void> {
    try {
      await sync(this.#fd);
    } catch (cause) {
      this.#broken = new StorageFailedError('the journal could not be flushed to the device', { cause });
      throw this.#broken;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay.values());
    await sync(this.#fd).catch(() => {});
    closeSync(this.#fd);
  }
}

/** A fact that is about to be written, and whoever waits for it. */
interface Waiting {
  readonly fact: Fact;
  readonly bytes: Buffer;
  /** Where the journal ends when it is written. */
  readonly end: JournalEnd;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function writeAll(fd: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.byteLength) written += writeSync(fd, bytes, written);
}

function storage<T>(verb: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new StorageFailedError(`cannot ${verb} ${path}`, { cause });
  }
}
