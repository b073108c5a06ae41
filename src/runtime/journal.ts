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
  const memory = new Map<string, Fact>();
  const remember = (fact: Fact, isReplay: boolean) => {
    if (fact.type === roundEnd) memory.clear();
    else memory.set(`${fact.type} ${fact.key}`, fact);
    options.onFact?.(fact, isReplay);
  };
  const found = await scanJournal(path, (fact) => remember(fact, true));
  return new OpenJournal(path, found, memory, remember, options.clock ?? wallClock);
}

class OpenJournal implements FileJournal {
  #fd: number;
  /** Of what lies in the file. */
  #end: JournalEnd;
  /** Of what lies in the file or is about to. */
  #next: JournalEnd;
  #waiting: Waiting[] = [];
  #isWriting = false;
  #memory: Map<string, Fact>;
  #remember: (fact: Fact, isReplay: boolean) => void;
  #clock: Clock;
  #underWay = new Map<string, Promise<unknown>>();
  #broken: StorageFailedError | null = null;
  #isClosed = false;

  constructor(
    path: string,
    end: JournalEnd,
    memory: Map<string, Fact>,
    remember: (f: Fact, r: boolean) => void,
    clock: Clock,
  ) {
    this.#end = end;
    this.#next = end;
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
    return this.#memory.get(`${type} ${key}`)?.body;
  }

  once<T>(type: string, key: string, effect: () => Promise<T>): Promise<T> {
    const id = `${type} ${key}`;
    const known = this.#memory.get(id);
    if (known !== undefined) return Promise.resolve(known.body as T);
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

  #write(type: string, key: string, body: unknown): Promise<void> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    if (this.#isClosed) return Promise.reject(new StorageFailedError('the journal is closed'));
    const fact: Fact = { seq: this.#next.seq, at: this.#clock.now(), type, key, body };
    const { line, hash } = encode(fact, this.#next.hash);
    const bytes = Buffer.from(line);
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
          this.#remember(fact, false);
          resolve();
        } catch (error) {
          reject(error);
        }
      }
    }
    this.#isWriting = false;
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

interface JournalEnd {
  readonly seq: number;
  readonly hash: string;
  readonly bytes: number;
}

/**
 * Reads a journal from the start, without loading it whole and without the
 * process that writes it. A torn last line is left out. A fact's `body` is
 * parsed when it is first asked for: most readers want few of them.
 * @throws {JournalCorruptError} naming the line when the hash chain is broken before the last line.
 * @throws {StorageFailedError} when the file cannot be read.
 */
export async function scanJournal(path: string, onFact: (fact: Fact) => void): Promise<JournalEnd> {
  let seq = 0;
  let hash = genesis;
  let bytes = 0;
  // Only the last line can be without its line feed; it was torn by a crash, and never acknowledged.
  for await (const block of wholeLinesOf(chunksOf(path))) {
    // At line feeds alone: newer versions of `readline` split at U+2028 too, which JSON leaves as it is.
    for (const line of block.toString('utf8', 0, block.byteLength - 1).split('\n')) {
      const decoded = decode(line, seq, hash);
      if (decoded === null)
        throw new JournalCorruptError(`${path}: line ${seq + 1} does not continue the chain; the journal was altered`);
      seq += 1;
      hash = decoded.hash;
      onFact(decoded.fact);
    }
    bytes += block.byteLength;
  }
  return { seq, hash, bytes };
}

/** The same bytes in blocks that end in a line feed; what stands behind the last one is left out. */
async function* wholeLinesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(0x0a) + 1;
    if (end > 0) {
      yield Buffer.concat([...rest, chunk.subarray(0, end)]);
      rest = [];
    }
    rest.push(chunk.subarray(end));
  }
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

/** How a line begins, as `encode` writes it; a type or key with an escape in it is parsed the long way. */
const head = /^\{"seq":(\d+),"at":(\d+),"type":"([^"\\]*)","key":"([^"\\]*)","body":/;
const tailLength = `,"hash":"${genesis}"}`.length;

function decode(line: string, seq: number, previous: string): { fact: Fact; hash: string } | null {
  const hash = sha256(`${previous}${line.slice(0, -tailLength)}}`).slice(0, genesis.length);
  if (line.slice(-tailLength) !== `,"hash":"${hash}"}`) return null;
  const fact = lazyFact(line) ?? (JSON.parse(`${line.slice(0, -tailLength)}}`) as Fact);
  return fact.seq === seq ? { fact, hash } : null;
}

function lazyFact(line: string): Fact | null {
  const found = head.exec(line);
  if (found === null) return null;
  let unparsed: string | null = line;
  let body: unknown;
  return {
    seq: Number(found[1]),
    at: Number(found[2]),
    type: found[3]!,
    key: found[4]!,
    get body() {
      if (unparsed !== null) body = JSON.parse(unparsed.slice(found[0].length, -tailLength));
      unparsed = null;
      return body;
    },
  };
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
