import { appendFile, mkdir, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LineageCorruptError, StorageFailedError } from '../core/errors.ts';
import type { CommitId } from '../core/ids.ts';
import { requireGitVersion, runGit } from './git-command.ts';
import { LineageState, notesRef } from './lineage-state.ts';

/**
 * A run's repository is `<dir>/.git` with `core.bare`: `cd lineage && git log
 * --graph --all` works, `git status` says that there is no work tree instead
 * of listing every file as deleted, and `git worktree add ../look best/a`
 * gives files to whoever wants them. Being called `.git`, it is one entry for
 * an enclosing repository, and `safe.bareRepository` does not hide it.
 */
const marker = '[galapagos]\n\tlineage = 1\n';
/** Outweighs a `.lfsconfig` in a genome, which could send whoever lacks an object to a server of its choosing. */
const noLfsServer = '[lfs]\n\turl = https://objects-are-here-or-nowhere.invalid\n';
/** Where HEAD points until a lineage has a branch. */
export const unbornHead = 'refs/heads/lineage/none-yet';

export interface Repository {
  readonly gitDir: string;
  readonly state: LineageState;
  /** Tip of the notes, or `null`. */
  readonly notesTip: CommitId | null;
  readonly isHeadBorn: boolean;
}

/**
 * Creates or opens the repository exactly at `dir`, and clears away what a
 * killed process left there. The caller holds the run's lock.
 * @throws {LineageCorruptError} when `dir` belongs to another repository or holds other files.
 */
export async function openRepository(dir: string, signal: AbortSignal | undefined): Promise<Repository> {
  await mkdir(dir, { recursive: true }).catch(storageFailed);
  const root = await realpath(dir);
  const git = (...args: string[]) => runGit({ cwd: root, args, signal }).then((out) => out.toString());
  requireGitVersion(await git('version'));
  const gitDir = join(root, '.git');
  const there = (await readdir(root)).filter((name) => name !== '.git.new');
  if (there.length === 0) await create(root, git);
  else if (!there.includes('.git')) throw new LineageCorruptError(`${root} is not empty and holds no repository`);
  await requireOwn(root, git);
  await clearDebris(gitDir);
  await git('pack-refs', '--all'); // a ref with a file of its own would hide what is packed
  return load(gitDir, git);
}

type Git = (...args: string[]) => Promise<string>;

async function create(root: string, git: Git): Promise<void> {
  const fresh = join(root, '.git.new');
  await rm(fresh, { recursive: true, force: true });
  await git('init', '--quiet', '--bare', '--template=', '--object-format=sha1', fresh);
  await runGit({ cwd: fresh, args: ['symbolic-ref', 'HEAD', unbornHead] });
  await appendFile(join(fresh, 'config'), marker + noLfsServer).catch(storageFailed);
  await rename(fresh, join(root, '.git')).catch(storageFailed);
}

async function requireOwn(root: string, git: Git): Promise<void> {
  const found = (await git('rev-parse', '--absolute-git-dir')).trimEnd();
  const config = await readFile(join(root, '.git', 'config'), 'utf8').catch(() => '');
  if (found !== join(root, '.git') || !config.includes(marker)) {
    throw new LineageCorruptError(`${root} is not a lineage repository; the one found is ${found}`);
  }
}

/** Locks, half-written packs and crash reports: their owner is dead, and nothing in them was acknowledged. */
async function clearDebris(gitDir: string): Promise<void> {
  const packs = join(gitDir, 'objects', 'pack');
  const removeIn = async (folder: string, isDebris: RegExp, recursive = false) => {
    for (const name of await readdir(folder, { recursive }).catch(() => [])) {
      if (isDebris.test(name)) await rm(join(folder, name), { force: true });
    }
  };
  await removeIn(gitDir, /\.lock$|^fast_import_crash_\d+$/);
  await removeIn(join(gitDir, 'refs'), /\.lock$/, true);
  await rm(join(gitDir, 'lfs', 'tmp'), { recursive: true, force: true });
  await removeIn(packs, /^\.?tmp[_-]|\.keep$|\.lock$/);
}

async function load(gitDir: string, git: Git): Promise<Repository> {
  const refs = new Map<string, CommitId>();
  for (const line of lines(await git('for-each-ref', '--format=%(objectname) %(refname)'))) {
    refs.set(line.slice(41), line.slice(0, 40) as CommitId);
  }
  const notesTip = refs.get(notesRef) ?? null;
  const notes = new Map<CommitId, string>();
  const groups: string[] = [];
  if (notesTip !== null) {
    for (const line of lines(await git('ls-tree', '-r', notesTip))) {
      const [, blob, path] = /^\d+ blob ([0-9a-f]{40})\t(.+)$/.exec(line)!;
      notes.set(path!.replaceAll('/', '') as CommitId, blob!);
    }
    const digests = await git('log', '--format=%(trailers:key=Digest,valueonly)', notesTip);
    groups.push(...lines(digests));
  }
  const head = (await git('symbolic-ref', 'HEAD')).trimEnd();
  return { gitDir, state: new LineageState(refs, notes, groups), notesTip, isHeadBorn: head !== unbornHead };
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function storageFailed(cause: unknown): never {
  throw new StorageFailedError('cannot create the lineage repository', { cause });
}
