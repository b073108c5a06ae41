import { closeSync, createReadStream, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { type Clock, wallClock } from '../core/clock.ts';
import { JournalCorruptError, StorageFailedError } from '../core/errors.ts';
import type { Fact, Journal } from '../core/journal.ts';
import { sha256 } from '../core/json.ts';

const sync = promisify(fdatasync);
const genesis = '0'.repeat(32);

/** Facts after which the journal is flushed to the device before anybody is told. */
const commitPoints = new Set(['run.opened', 'lineage.finished', 'round.closed', 'run.ended']);

/** Facts that end a round: nothing recorded before is asked for again. */
const roundEnd = 'round.closed';

/**
 * A run's journal as a file: one JSON fact a line, numbered, each line's hash
 * covering the line before. A fact is written before anybody hears of it, so
 * it survives a killed process; commit points are also flushed to the device.
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
  const memory = new Map<string, unknown>();
  const remember = (fact: Fact, isReplay: boolean) => {
    if (fact.type === roundEnd) memory.clear();
    else memory.set(`${fact.type} ${fact.key}`, fact.body);
    options.onFact?.(fact, isReplay);
  };
  const found = await scanJournal(path, (fact) => remember(fact, true));
  return new OpenJournal(path, found, memory, remember, options.clock ?? wallClock);
}

class OpenJournal implements FileJournal {
  #fd: number;
  #end: JournalEnd;
  #memory: Map<string, unknown>;
  #remember: (fact: Fact, isReplay: boolean) => void;
  #clock: Clock;
  #underWay = new Map<string, Promise<unknown>>();
  #broken: StorageFailedError | null = null;
  #isClosed = false;

  constructor(
    path: string,
    end: JournalEnd,
    memory: Map<string, unknown>,
    remember: (f: Fact, r: boolean) => void,
    clock: Clock,
  ) {
    this.#end = { ...end };
    this.#memory = memory;
    this.#remember = remember;
    this.#clock = clock;
    this.#fd = storage('open', path, () => openSync(path, 'a'));
    storage('open', path, () => ftruncateSync(this.#fd, end.bytes));
  }

  get length(): number {
    return this.#end.seq;
  }

  recorded(type: string, key: string): unknown {
    return this.#memory.get(`${type} ${key}`);
  }

  once<T>(type: string, key: string, effect: () => Promise<T>): Promise<T> {
    const id = `${type} ${key}`;
    if (this.#memory.has(id)) return Promise.resolve(this.#memory.get(id) as T);
    const shared = this.#underWay.get(id);
    if (shared !== undefined) return shared as Promise<T>;
    const work = effect()
      .then(async (body) => {
        await this.#write(type, key, body);
        return body;
      })
      .finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, work);
    return work;
  }

  async append(type: string, key: string, body: unknown): Promise<void> {
    await this.once(type, key, async () => body);
  }

  async #write(type: string, key: string, body: unknown): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    if (this.#isClosed) throw new StorageFailedError('the journal is closed');
    const fact: Fact = { seq: this.#end.seq, at: this.#clock.now(), type, key, body };
    const { line, hash } = encode(fact, this.#end.hash);
    const bytes = Buffer.from(line);
    try {
      writeAll(this.#fd, bytes);
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
    this.#end = { seq: fact.seq + 1, hash, bytes: this.#end.bytes + bytes.byteLength };
    if (commitPoints.has(type)) await this.#flush();
    this.#remember(fact, false);
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

interface JournalEnd {
  readonly seq: number;
  readonly hash: string;
  readonly bytes: number;
}

/**
 * Reads a journal from the start, without loading it whole and without the
 * process that writes it. A torn last line is left out.
 * @throws {JournalCorruptError} naming the line when the hash chain is broken before the last line.
 * @throws {StorageFailedError} when the file cannot be read.
 */
export async function scanJournal(path: string, onFact: (fact: Fact) => void): Promise<JournalEnd> {
  let end: JournalEnd = { seq: 0, hash: genesis, bytes: 0 };
  let number = 0;
  for await (const { text, bytes, isWhole } of linesOf(chunksOf(path))) {
    // Only the last line can be without its line feed; it was torn by a crash, and never acknowledged.
    if (!isWhole) break;
    number += 1;
    const decoded = decode(text, end);
    if (decoded === null)
      throw new JournalCorruptError(`${path}: line ${number} does not continue the chain; the journal was altered`);
    end = { seq: end.seq + 1, hash: decoded.hash, bytes: end.bytes + bytes };
    onFact(decoded.fact);
  }
  return end;
}

/** Split at line feeds alone: newer versions of `readline` split at U+2028 too, which JSON leaves as it is. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<JournalLine> {
  let rest: Buffer[] = [];
  const take = (last: Buffer) => {
    const line = Buffer.concat([...rest, last]);
    rest = [];
    return { text: line.toString('utf8'), bytes: line.byteLength + 1 };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, from)) {
      yield { ...take(chunk.subarray(from, at)), isWhole: true };
      from = at + 1;
    }
    rest.push(chunk.subarray(from));
  }
  const last = take(Buffer.alloc(0));
  if (last.text !== '') yield { ...last, isWhole: false };
}

interface JournalLine {
  readonly text: string;
  /** With its line feed. */
  readonly bytes: number;
  readonly isWhole: boolean;
}

async function* chunksOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new StorageFailedError(`cannot read ${path}`, { cause });
  }
}

function encode(fact: Fact, previous: string): { line: string; hash: string } {
  const body = JSON.stringify(fact);
  const hash = sha256(previous + body).slice(0, 32);
  return { line: `${body.slice(0, -1)},"hash":"${hash}"}\n`, hash };
}

const hashField = /,"hash":"([0-9a-f]{32})"\}$/;

function decode(line: string, end: JournalEnd): { fact: Fact; hash: string } | null {
  const field = hashField.exec(line);
  if (field === null) return null;
  const body = `${line.slice(0, field.index)}}`;
  if (sha256(end.hash + body).slice(0, 32) !== field[1]) return null;
  const fact = JSON.parse(body) as Fact;
  return fact.seq === end.seq ? { fact, hash: field[1]! } : null;
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
