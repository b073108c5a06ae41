import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LineageCorruptError } from '../core/errors.ts';
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
 * Every write resolves when git has acknowledged it. Only a checkpoint makes
 * it visible and safe from kill -9: what a crash loses is what was written
 * since, and writing it again gives the same hashes. A checkpoint costs as
 * much as dozens of commits, so callers group; concurrent ones are grouped here.
 * Objects are forced to disk, refs are left to the operating system: after a
 * power failure the journal can write any of them again.
 *
 * Once git has died, every call fails with the same error, disposal included
 * when nobody has been told yet. Disposal checkpoints and compacts.
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
    await git.close();
    await compact(repository.gitDir);
  };
  let disposed: Promise<void> | null = null;
  return { ...session.lineage, [Symbol.asyncDispose]: () => (disposed ??= dispose()) };
}

function createSession({ gitDir, state, isHeadBorn }: Repository, writer: LineageWriter, genomes: GenomeStore) {
  const objects = openLfsObjects(gitDir);
  const unacknowledged = new Map<CommitId, Promise<void>>();
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
    const isNew = state.place(generation, rendered.id);
    if (isNew) {
      isDirty = true;
      const written = writer
        .commit(generation.lineage, rendered, tree)
        .finally(() => unacknowledged.delete(rendered.id));
      unacknowledged.set(rendered.id, written);
    }
    await unacknowledged.get(rendered.id);
    return rendered.id;
  }

  const annotate: Lineage['annotate'] = async (notes, seconds) => {
    const group = state.annotate(notes, seconds);
    if (group === null) return;
    isDirty = true;
    await writer.annotate(group.notes, group.digest, seconds);
  };

  async function writeEverything(): Promise<void> {
    if (!isDirty && !state.hasMoved) return;
    isDirty = false;
    const moved = state.takeMoved();
    try {
      await writer.checkpoint();
      await updateRefs(gitDir, moved);
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
    wasToldOf: (error: unknown) => told.has(error),
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

async function updateRefs(gitDir: string, moved: ReadonlyMap<string, CommitId>): Promise<void> {
  if (moved.size === 0) return;
  // Without the last word, git drops the transaction: half an input changes nothing.
  const updates = [...moved].map(([ref, commit]) => `update ${ref} ${commit}\n`);
  await runGit({ cwd: gitDir, args: ['update-ref', '--stdin'], input: `start\n${updates.join('')}commit\n` });
}

/** Every checkpoint leaves a pack, every generation a ref file; readers want few of both. */
async function compact(gitDir: string): Promise<void> {
  await runGit({ cwd: gitDir, args: ['pack-refs', '--all'] });
  const packs = (await readdir(join(gitDir, 'objects', 'pack'))).filter((name) => name.endsWith('.pack'));
  if (packs.length > 20) await runGit({ cwd: gitDir, args: ['repack', '--geometric=2', '-d', '-q'] });
}
