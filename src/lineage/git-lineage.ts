import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LineageCorruptError, StorageFailedError } from '../core/errors.ts';
import type { FileTree } from '../core/file-tree.ts';
import type { CommitId } from '../core/ids.ts';
import { commitTree, pointersOf } from './adapter-tree.ts';
import { startFastImport } from './fast-import.ts';
import { runGit } from './git-command.ts';
import { gitTree, renderCommit } from './git-objects.ts';
import { openRepository, type Repository } from './git-repository.ts';
import { type LfsObjects, openLfsObjects } from './lfs-objects.ts';
import type { GenerationCommit, GenomeStore, Lineage } from './lineage.ts';
import { createLineageWriter, type LineageWriter } from './lineage-writer.ts';
import { movePackedRefs } from './packed-refs.ts';

export interface GitLineageOptions {
  /** Where the repository is or will be. Not inside another one's files. */
  readonly dir: string;
  readonly genomes: GenomeStore;
  /** Cancels the opening. What is open is closed by disposing of it. */
  readonly signal?: AbortSignal;
}

/**
 * A lineage repository that is written by one long-lived `git fast-import`.
 *
 * A write resolves when git has been handed it, with the id that git must come
 * to: waiting for git's answer would cost more than the commit, and promise no
 * more. A checkpoint checks all answers, and makes what was written visible and
 * safe from kill -9: what a crash loses is what was written since, and writing
 * it again gives the same hashes. A checkpoint costs as much as dozens of
 * commits, so callers group; concurrent ones are grouped here.
 * Objects and refs are forced to disk then; only the notes' ref is left to the
 * operating system: after a power failure the journal can write it again.
 *
 * Once git is known to have died or to have stored something else, every call
 * fails with the same error, disposal included when nobody has been told yet.
 * Disposal checkpoints and compacts.
 *
 * @throws {PrerequisiteMissingError} git is missing or older than 2.32.
 * @throws {LineageCorruptError} `dir` is part of another repository, or holds other files.
 * @throws {StorageFailedError} `dir` cannot be written.
 */
export async function openGitLineage({ dir, genomes, signal }: GitLineageOptions): Promise<Lineage> {
  const repository = await openRepository(dir, signal);
  const git = startFastImport(repository.gitDir);
  const session = createSession(repository, createLineageWriter(git, repository.notesTip), genomes);
  const dispose = async () => {
    try {
      await session.checkpoint();
    } catch (error) {
      await git.close().catch(() => {});
      if (session.wasToldOf(error)) return;
      throw error;
    }
    session.end();
    await git.close();
    await compact(repository.gitDir);
  };
  let disposed: Promise<void> | null = null;
  return { ...session.lineage, [Symbol.asyncDispose]: () => (disposed ??= dispose()) };
}

function createSession({ gitDir, state, isHeadBorn }: Repository, writer: LineageWriter, genomes: GenomeStore) {
  const objects = openLfsObjects(gitDir);
  const unanswered = inFlight(64);
  const told = new Set<unknown>();
  let isDirty = false;
  const report = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      told.add(error);
      throw error;
    }
  };

  async function commit(generation: GenerationCommit): Promise<CommitId> {
    const { tree: files, adapter } = await commitTree(generation, genomes);
    requireObjects(objects, adapter);
    const tree = gitTree(files);
    const rendered = renderCommit(generation, tree.root);
    if (state.place(generation, rendered.id)) {
      isDirty = true;
      await unanswered.add(writer.commit(generation.lineage, rendered, tree));
    }
    return rendered.id;
  }

  const annotate: Lineage['annotate'] = async (notes, seconds) => {
    const group = state.annotate(notes, seconds);
    if (group === null) return;
    isDirty = true;
    await unanswered.add(writer.annotate(group.notes, group.digest, seconds));
  };

  async function writeEverything(): Promise<void> {
    if (!isDirty && !state.hasMoved) return;
    isDirty = false;
    const moved = state.takeMoved();
    try {
      await writer.checkpoint();
      await unanswered.settled();
      await movePackedRefs(gitDir, moved);
      const branch = isHeadBorn ? null : state.firstBranch();
      if (branch !== null) {
        await runGit({ cwd: gitDir, args: ['symbolic-ref', 'HEAD', branch] });
        isHeadBorn = true;
      }
    } catch (error) {
      state.putBack(moved);
      isDirty = true;
      throw error;
    }
  }

  const checkpoint = grouped(writeEverything);
  return {
    lineage: {
      commit: (generation: GenerationCommit) => report(commit(generation)),
      annotate: (...args: Parameters<Lineage['annotate']>) => report(annotate(...args)),
      checkpoint: () => report(checkpoint()),
    },
    checkpoint,
    end: () => unanswered.fail(new StorageFailedError('the lineage is closed')),
    wasToldOf: (error: unknown) => told.has(error),
  };
}

/** Work that nobody waits for yet, up to so many at once. Its first failure is everybody's from then on. */
function inFlight(most: number) {
  const open = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | null = null;
  const fail = (error: unknown) => {
    failure ??= { error };
  };
  const check = () => {
    if (failure !== null) throw failure.error;
  };
  return {
    fail,
    /** Waits only where too many are open, for the oldest. */
    async add(work: Promise<void>): Promise<void> {
      const ended: Promise<void> = work.catch(fail).then(() => {
        open.delete(ended);
      });
      open.add(ended);
      if (open.size > most) await open.values().next().value;
      check();
    },
    async settled(): Promise<void> {
      await Promise.all(open);
      check();
    },
  };
}

/** @throws {LineageCorruptError} for weights that are named and not there: a checkout would have none. */
function requireObjects(objects: LfsObjects, adapter: FileTree): void {
  for (const [name, pointer] of pointersOf(adapter)) {
    if (!objects.has(pointer))
      throw new LineageCorruptError(`${name} of the adapter is missing: no object ${pointer.oid}`);
  }
}

/** One run at a time; everybody who asks while one is under way shares the next. */
function grouped(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;
  return () => {
    next ??= running
      .catch(() => {})
      .then(() => {
        next = null;
        running = work();
        return running;
      });
    return next;
  };
}

/** Every checkpoint leaves a pack; readers want few. The notes' ref is a file until now. */
async function compact(gitDir: string): Promise<void> {
  await runGit({ cwd: gitDir, args: ['pack-refs', '--all'] });
  const packs = (await readdir(join(gitDir, 'objects', 'pack'))).filter((name) => name.endsWith('.pack'));
  if (packs.length > 20) await runGit({ cwd: gitDir, args: ['repack', '--geometric=2', '-d', '-q'] });
}
