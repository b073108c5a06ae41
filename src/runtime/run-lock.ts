import { existsSync, linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTokenOf } from '../../sandboxes/process-identity.ts';
import { wallClock } from '../core/clock.ts';
import { RunLockedError, StorageFailedError } from '../core/errors.ts';

/** Who holds a run: a process that can be told apart from a later one with the same pid. */
interface Holder {
  readonly pid: number;
  readonly startedAt: string;
}

/**
 * Takes a run for this process. A lock whose process is gone is taken over.
 * @returns the lock; disposing it gives the run back.
 * @throws {RunLockedError} naming the live process that holds the run.
 */
export function lockRun(dir: string): Disposable {
  const path = join(dir, 'lock');
  const mine: Holder = { pid: process.pid, startedAt: startTokenOf(process.pid) ?? '' };
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, JSON.stringify(mine));
    for (let attempt = 0; ; attempt += 1) {
      if (tryLink(temporary, path)) break;
      const holder = readHolder(path);
      if (holder !== null && isAlive(holder)) {
        throw new RunLockedError(`process ${holder.pid} is working on ${dir}; wait for it or stop it`, {
          details: { pid: holder.pid },
        });
      }
      if (attempt >= 20) throw new RunLockedError(`${dir} is being taken over by another process; try again`);
      removeStale(path, holder);
    }
  } catch (error) {
    if (error instanceof RunLockedError) throw error;
    throw new StorageFailedError(`cannot lock ${dir}`, { cause: error });
  } finally {
    rmSync(temporary, { force: true });
  }
  return {
    [Symbol.dispose]: () => {
      if (readHolder(path)?.pid === process.pid) rmSync(path, { force: true });
    },
  };
}

/** The live process that holds a run, or `null`. */
export function holderOf(dir: string): number | null {
  const holder = readHolder(join(dir, 'lock'));
  return holder !== null && isAlive(holder) ? holder.pid : null;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Only one process at a time may remove a stale lock, and only the one it looked at. */
function removeStale(path: string, stale: Holder | null): void {
  const mutex = `${path}.takeover`;
  try {
    mkdirSync(mutex);
  } catch {
    const age = wallClock.now() - (statSync(mutex, { throwIfNoEntry: false })?.mtimeMs ?? wallClock.now());
    // `force`: another process may find it too old at the same time.
    if (age > 10_000) rmSync(mutex, { recursive: true, force: true });
    return;
  }
  try {
    // A lock that is gone may be made anew at any moment: only one that lies there is removed.
    if (!existsSync(path)) return;
    const now = readHolder(path);
    if (now?.pid === stale?.pid && now?.startedAt === stale?.startedAt) rmSync(path, { force: true });
  } finally {
    rmdirSync(mutex);
  }
}

function readHolder(path: string): Holder | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return null;
  }
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const startedAt = startTokenOf(holder.pid);
  return startedAt === null || holder.startedAt === '' || startedAt === holder.startedAt;
}
