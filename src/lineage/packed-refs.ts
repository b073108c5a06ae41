import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LineageCorruptError, StorageFailedError } from '../core/errors.ts';
import type { CommitId } from '../core/ids.ts';

/**
 * Moves refs, all or none, in the one file that git keeps packed refs in.
 *
 * `git update-ref` makes a file for each ref first, and every generation has
 * one: on ext4 that was most of what a commit cost. The format is git's own
 * (gitrepository-layout, `packed-refs`), and so is the lock. Everything here
 * points at commits, so there is nothing to peel. A ref that has a file
 * beside it would hide what is written here: the repository is opened with
 * none but the notes', which fast-import moves itself.
 *
 * @throws {StorageFailedError} the disk is full or forbidden, or somebody holds the lock for 5 s.
 */
export async function movePackedRefs(gitDir: string, moved: ReadonlyMap<string, CommitId>): Promise<void> {
  if (moved.size === 0) return;
  const path = join(gitDir, 'packed-refs');
  const lock = `${path}.lock`;
  const file = await locked(lock);
  try {
    await file.writeFile(withMoved(await readFile(path, 'latin1').catch(absent), moved), 'latin1');
    await file.datasync();
    await file.close();
    await rename(lock, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(lock, { force: true });
    if (error instanceof LineageCorruptError) throw error;
    throw new StorageFailedError(`cannot write ${path}`, { cause: error });
  }
}

const header = '# pack-refs with: peeled fully-peeled sorted \n';

/** One byte a character, so that equal order of characters is git's order of bytes. */
function withMoved(text: string, moved: ReadonlyMap<string, CommitId>): string {
  const entries = new Map<string, string>();
  let last = '';
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('^')) entries.set(last, `${entries.get(last)}${line}\n`);
    else {
      if (!/^[0-9a-f]{40} refs\//.test(line))
        throw new LineageCorruptError(`packed-refs has a line ${JSON.stringify(line)}`);
      last = line.slice(41);
      entries.set(last, `${line}\n`);
    }
  }
  for (const [ref, commit] of moved) entries.set(ref, `${commit} ${ref}\n`);
  const sorted = [...entries.keys()].sort((a, b) => (a < b ? -1 : 1));
  return header + sorted.map((ref) => entries.get(ref)).join('');
}

/** Whoever packs refs by hand meanwhile is waited for. */
async function locked(lock: string) {
  for (let waited = 0; ; waited += 50) {
    try {
      return await open(lock, 'wx');
    } catch (error) {
      const isHeld = (error as NodeJS.ErrnoException).code === 'EEXIST';
      if (!isHeld || waited >= 5_000) throw new StorageFailedError(`cannot create ${lock}`, { cause: error });
      await delay(50);
    }
  }
}

function absent(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}
