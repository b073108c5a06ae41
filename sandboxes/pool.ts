import { onAbort, raceAbort } from '../src/core/abort.ts';
import { GenomeInvalidError, SandboxUnavailableError } from '../src/core/errors.ts';
import type { Logger } from '../src/core/log.ts';
import type { Ceiling, CeilingLimits, Place } from './ceiling.ts';
import { throwIfCancelled } from './check-spec.ts';
import type { Sandbox, SandboxLimits, SandboxProvider, SandboxSpec } from './sandbox.ts';
import { StartingCommands } from './starting-commands.ts';

export interface PoolOptions {
  /** Not disposed of with the pool: several pools may share it. */
  readonly provider: SandboxProvider;
  /** Sandboxes kept open and unused for each lineage; 0 opens each when it is needed. */
  readonly warm: number;
  readonly ceiling: Ceiling;
  readonly limits: CeilingLimits;
  /** Told what goes wrong where nobody waits for it. */
  readonly log: Logger;
  /** Told why, when opening has waited for room for two seconds. */
  readonly onWait?: (why: string) => void;
}

/**
 * A provider whose sandboxes stay below a ceiling, and open and close off the
 * critical path.
 *
 * I1. A sandbox is used once: whoever is done with it discards it whole.
 * I2. What was opened for one lineage of one run never goes to another.
 * I3. At most `warm` are open ahead, and none before the first is asked for.
 * I4. Disposing of a sandbox closes it at once and removes it in the background;
 *     disposing of the pool waits for all of that and reports what failed.
 *
 * Sandboxes with mounts are opened when they are needed: what they mount is not known earlier.
 */
export function createPool(options: PoolOptions): SandboxProvider {
  const { provider } = options;
  const pool = new Pool(options);
  return {
    name: provider.name,
    isolation: provider.isolation,
    gaps: provider.gaps,
    probe: () => provider.probe(),
    open: (spec, signal) => pool.open(spec, signal),
    reap: (run, options) => provider.reap(run, options),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/** What a sandbox counts for below the ceiling: a volume with a limit lies in memory. */
export function memoryOf({ gaps }: SandboxProvider, { memoryMiB, diskMiB }: SandboxLimits): number {
  return memoryMiB + (gaps.includes('disk-limit') ? 0 : diskMiB);
}

/** Open or being opened, without files, and not used. */
interface Warm {
  readonly place: Place;
  readonly opening: Promise<Sandbox>;
  readonly cancel: AbortController;
}

/** The warm ones of one owner and kind, oldest first. */
type Shelf = Set<Warm>;

class Pool {
  readonly #options: PoolOptions;
  readonly #shelves = new Map<string, Shelf>();
  readonly #lent = new Set<Sandbox>();
  /** What the end has to wait for; nothing in it rejects. */
  readonly #unfinished = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  readonly #starting = new StartingCommands();
  readonly #opening = new Set<AbortController>();
  #closing: Promise<void> | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async open(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    if (this.#closing !== null) throw gone();
    const cancel = new AbortController();
    using _following = onAbort([signal], (reason) => cancel.abort(reason));
    this.#opening.add(cancel);
    const opening = this.#open(spec, cancel.signal).finally(() => this.#opening.delete(cancel));
    this.#awaitAtEnd(opening.then(ignore, ignore));
    return await opening;
  }

  async #open(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    throwIfCancelled(signal);
    if (spec.mounts.length > 0 || this.#options.warm === 0) return this.#openDirectly(spec, signal);
    const shelf = this.#shelfOf(spec);
    const sandbox = (await this.#takeWarm(shelf, spec, signal)) ?? (await this.#openDirectly(spec, signal));
    // Not before the caller has come to start its command.
    setImmediate(async () => {
      await this.#starting.letStart();
      this.#refill(shelf, spec);
    }).unref();
    return sandbox;
  }

  /** @returns a warm sandbox with the files in it, or `null` where none is left that lives. */
  async #takeWarm(shelf: Shelf, spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox | null> {
    for (const warm of shelf) {
      shelf.delete(warm);
      warm.place.keep();
      const sandbox = await raceAbort(warm.opening, signal).catch(() => null);
      if (signal.aborted) {
        this.#putBack(shelf, warm);
        throwIfCancelled(signal);
      }
      if (sandbox !== null && (await this.#fill(sandbox, spec, warm.place))) {
        return this.#lend(sandbox, warm.place, signal);
      }
    }
    return null;
  }

  /** @returns whether it lives; one that something outside has ended is discarded. */
  async #fill(sandbox: Sandbox, { files }: SandboxSpec, place: Place): Promise<boolean> {
    try {
      await sandbox.put(files);
      return true;
    } catch (err) {
      this.#discard(sandbox, place);
      if (err instanceof GenomeInvalidError) throw err;
      this.#options.log.info({ err, sandbox: sandbox.id }, 'a warm sandbox was gone');
      return false;
    }
  }

  async #openDirectly(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    const { ceiling, onWait = ignore } = this.#options;
    const place = await ceiling.enter(this.#needOf(spec), signal, onWait);
    return this.#lend(await this.#openAt(place, spec, signal), place, signal);
  }

  async #openAt(place: Place, spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    try {
      return await this.#options.provider.open(spec, signal);
    } catch (error) {
      place.leave();
      throw error;
    }
  }

  #lend(sandbox: Sandbox, place: Place, signal: AbortSignal): Sandbox {
    if (signal.aborted) this.#discard(sandbox, place);
    throwIfCancelled(signal);
    const beforeStart = <T>(work: Promise<T>): Promise<T> => {
      this.#starting.begin(lent);
      return work;
    };
    const lent: Sandbox = {
      id: sandbox.id,
      provider: sandbox.provider,
      connect: (socket) => beforeStart(sandbox.connect(socket)),
      exec: (argv, options) => beforeStart(sandbox.exec(argv, options)).finally(() => this.#starting.end(lent)),
      put: (files) => beforeStart(sandbox.put(files)),
      get: (limits) => sandbox.get(limits),
      ...(sandbox.outside === undefined ? {} : { outside: (work) => sandbox.outside!(work) }),
      [Symbol.asyncDispose]: async () => {
        this.#starting.end(lent);
        if (this.#lent.delete(lent)) this.#discard(sandbox, place);
      },
    };
    this.#lent.add(lent);
    return lent;
  }

  /** Nothing else is waited for, and nothing keeps the process: what is warm may die with it. */
  #refill(shelf: Shelf, spec: SandboxSpec): void {
    while (shelf.size < this.#options.warm && this.#closing === null) {
      const place = this.#options.ceiling.enterIfRoom(this.#needOf(spec));
      if (place === null) return;
      const cancel = new AbortController();
      const opening = this.#openAt(place, { ...spec, files: new Map() }, cancel.signal);
      const warm: Warm = { place, opening, cancel };
      shelf.add(warm);
      place.offer(() => this.#giveUp(shelf, warm));
      const failed = (err: unknown) => {
        shelf.delete(warm);
        if (!cancel.signal.aborted) this.#options.log.warn({ err }, 'a warm sandbox could not be opened');
      };
      this.#awaitAtEnd(opening.then(ignore, failed));
    }
  }

  /** Nothing was put into it, so the same lineage may still have it. */
  #putBack(shelf: Shelf, warm: Warm): void {
    shelf.add(warm);
    warm.place.offer(() => this.#giveUp(shelf, warm));
    if (this.#closing !== null || shelf.size > this.#options.warm) this.#giveUp(shelf, warm);
  }

  #giveUp(shelf: Shelf, warm: Warm): void {
    shelf.delete(warm);
    warm.cancel.abort();
    this.#awaitAtEnd(warm.opening.then((sandbox) => this.#discard(sandbox, warm.place), ignore));
  }

  #discard(sandbox: Sandbox, place: Place): void {
    const failed = (err: unknown) => {
      this.#failures.push(err);
      this.#options.log.warn({ err, sandbox: sandbox.id }, 'a sandbox could not be removed');
    };
    const gone = (async () => sandbox[Symbol.asyncDispose]())();
    this.#awaitAtEnd(gone.catch(failed).then(() => place.leave()));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const cancel of this.#opening) cancel.abort(gone());
    for (const shelf of this.#shelves.values()) for (const warm of shelf) this.#giveUp(shelf, warm);
    for (const sandbox of this.#lent) await sandbox[Symbol.asyncDispose]();
    while (this.#unfinished.size > 0) await Promise.all(this.#unfinished);
    if (this.#failures.length === 1) throw this.#failures[0];
    if (this.#failures.length > 1) throw new AggregateError(this.#failures, 'sandboxes could not be removed');
  }

  #awaitAtEnd(work: Promise<void>): void {
    const watched = work.then(() => void this.#unfinished.delete(watched));
    this.#unfinished.add(watched);
  }

  #needOf({ limits }: SandboxSpec) {
    return { memoryMiB: memoryOf(this.#options.provider, limits), limits: this.#options.limits };
  }

  #shelfOf({ run, owner, network, limits }: SandboxSpec): Shelf {
    const { memoryMiB, cpus, pids, diskMiB } = limits;
    const key = JSON.stringify([run, owner, network, memoryMiB, cpus, pids, diskMiB]);
    const shelf = this.#shelves.get(key) ?? new Set();
    this.#shelves.set(key, shelf);
    return shelf;
  }
}

function ignore(): void {}

function gone(): SandboxUnavailableError {
  return new SandboxUnavailableError('the pool was disposed of');
}
