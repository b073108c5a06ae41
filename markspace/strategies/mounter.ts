import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StorageFailedError } from '../../src/core/errors.ts';
import type { FileTree } from '../../src/core/file-tree.ts';
import type { GenomeId, LineageId } from '../../src/core/ids.ts';
import { sha256 } from '../../src/core/json.ts';
import type { StrategyRef } from '../../src/core/records.ts';
import { mountTargets } from '../collect/path-rules.ts';
import type { Mount } from '../markspace.ts';
import { type ContentCache, createContentCache } from './content-cache.ts';
import { buildDirectory, type DirectoryPlan, ensureDirectory, isIntact, removeTree } from './read-only-directory.ts';
import { createStrategyFiles, type StrategyFiles, type StrategyMetadata } from './strategy-files.ts';

/** What one reader shall see; checked already. */
export interface View {
  readonly reader: LineageId;
  readonly round: number;
  readonly strategies: readonly StrategyRef[];
  /** The run's seed for useless files, `null` for the real ones. */
  readonly shamSeed: number | null;
  readonly evals: FileTree;
}

export interface Mounter {
  /** @throws {StorageFailedError} when the directories could not be written. */
  mount(view: View): Promise<{ readonly mounts: readonly Mount[]; readonly tampered: readonly string[] }>;
}

export interface MounterOptions {
  readonly directory: string;
  readonly genomes: { get(id: GenomeId): Promise<FileTree> };
  readonly describe: (ref: StrategyRef) => StrategyMetadata;
}

/**
 * Read-only directories per round and reader:
 *
 *     <directory>/contents/<sha256>
 *     <directory>/round-<k>/<reader>-<digest>/strategies/<lineage>_gen<k>/…
 *     <directory>/round-<k>/<reader>-<digest>/evals/…
 *
 * The digest is of everything inside, so equal requests share a directory and
 * different ones never do, and a path seen from inside a sandbox does not
 * tell which arm it is in. One view is made at a time.
 */
export function createMounter(options: MounterOptions): Mounter {
  let tail: Promise<unknown> = Promise.resolve();
  let session: Session | null = null;
  return {
    mount(view) {
      const done = tail.then(() => {
        session ??= openSession(options);
        return mountView(session, view);
      });
      tail = done.catch(() => {});
      return done.catch((error) => {
        throw asStorageFailed(error);
      });
    },
  };
}

interface Session {
  readonly directory: string;
  readonly cache: ContentCache;
  readonly files: StrategyFiles;
  /** What was found changed since it was last drained. */
  tampered: string[];
  newestRound: number;
}

function openSession({ directory, genomes, describe }: MounterOptions): Session {
  const tampered: string[] = [];
  mkdirSync(directory, { recursive: true });
  if (!ensureDirectory(join(directory, 'contents'))) tampered.push('contents');
  const cache = createContentCache(join(directory, 'contents'), (sha) => session.tampered.push(`contents/${sha}`));
  const files = createStrategyFiles(cache, genomes, describe);
  const session: Session = { directory, cache, files, tampered, newestRound: -1 };
  return session;
}

async function mountView(session: Session, view: View) {
  if (view.round > session.newestRound) prune(session, view.round);
  const plan = await planOf(session, view);
  const round = `round-${view.round}`;
  if (!ensureDirectory(join(session.directory, round))) session.tampered.push(round);
  const name = `${view.reader}-${sha256([...plan.files].join('\n')).slice(0, 16)}`;
  const target = join(session.directory, round, name);
  const isThere = readdirSync(join(session.directory, round)).includes(name);
  if (!isThere || !isIntact(target, plan, session.cache)) {
    if (isThere) session.tampered.push(`${round}/${name}`);
    removeTree(target);
    buildDirectory(target, plan, session.cache);
    session.cache.settle(new Set(plan.files.values()));
  }
  const tampered = session.tampered;
  session.tampered = [];
  return { mounts: mountTargets.map((t) => ({ source: join(target, t), target: t })), tampered };
}

async function planOf({ cache, files }: Session, view: View): Promise<DirectoryPlan> {
  const all = new Map<string, string>();
  for (const ref of view.strategies) {
    const own = await files.of(ref, view.shamSeed, view.round);
    for (const [path, sha] of own) all.set(`strategies/${ref.lineage}_gen${ref.generation}/${path}`, sha);
  }
  for (const [path, { bytes }] of view.evals) {
    const sha = sha256(bytes);
    if (!cache.has(sha)) cache.put(sha, bytes);
    all.set(`evals/${path}`, sha);
  }
  return { directories: mountTargets, files: all };
}

/** The previous round stays: a lineage that resumes may still be in it. */
function prune(session: Session, round: number): void {
  session.newestRound = round;
  for (const name of readdirSync(session.directory)) {
    const match = /^round-(\d+)$/.exec(name);
    if (match !== null && Number(match[1]) < round - 1) removeTree(join(session.directory, name));
  }
  session.files.forgetBefore(round - 1);
  session.cache.sweep();
}

function asStorageFailed(error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  return new StorageFailedError(`mounts cannot be written (${code})`, {
    details: { code: code ?? null },
    cause: error,
  });
}
