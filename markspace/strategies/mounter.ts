import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StorageFailedError } from '../../src/core/errors.ts';
import type { FileTree } from '../../src/core/file-tree.ts';
import type { GenomeId, LineageId } from '../../src/core/ids.ts';
import { sha256 } from '../../src/core/json.ts';
import type { StrategyRef } from '../../src/core/records.ts';
import type { mountTargets } from '../collect/path-rules.ts';
import type { Mount } from '../markspace.ts';
import { type ContentCache, createContentCache, isReadOnlyCopy, writeReadOnly } from './content-cache.ts';
import {
  buildDirectory,
  type DirectoryPlan,
  ensureDirectory,
  type FileSource,
  isIntact,
  removeTree,
} from './read-only-directory.ts';
import { createSpares, isAsLeft, type Left, leftAt, planOf, type Spares, type Strategies } from './strategies-view.ts';
import { createStrategyFiles, type StrategyFiles, type StrategyMetadata } from './strategy-files.ts';

/** What one reader shall see; checked already. */
export interface View {
  readonly reader: LineageId;
  readonly round: number;
  readonly strategies: readonly StrategyRef[];
  /** The run's seed for useless files, `null` for the real ones. */
  readonly shamSeed: number | null;
  readonly evals: FileTree;
  /** What the reader sees of the shared scopes, where there are any. */
  readonly marks?: FileTree | null;
}

export interface Mounter {
  /** @throws {StorageFailedError} when the directories could not be written. */
  mount(view: View): Promise<{ readonly mounts: readonly Mount[]; readonly tampered: readonly string[] }>;
  /**
   * Writes a strategy's contents when it is published, for all the mounts to
   * come: those then link what is there. Before the first mount of a process
   * it does nothing.
   */
  prepare(ref: StrategyRef): Promise<void>;
}

export interface MounterOptions {
  readonly directory: string;
  readonly genomes: { get(id: GenomeId): Promise<FileTree> };
  readonly describe: (ref: StrategyRef) => StrategyMetadata;
}

/**
 * Read-only directories, each made once for all who are to see the same:
 *
 *     <directory>/contents/<sha256>
 *     <directory>/views/<digest>/strategies/<lineage>_gen<k>/…
 *     <directory>/views/<digest>/… of evals and of marks
 *
 * The digest is of everything inside and of nothing else, so that equal
 * requests share a directory, in later rounds too, different ones never do,
 * and a path seen from inside a sandbox does not tell which arm it is in. One
 * view is made at a time.
 */
export function createMounter(options: MounterOptions): Mounter {
  let tail: Promise<unknown> = Promise.resolve();
  let session: Session | null = null;
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = tail.then(work);
    tail = done.catch(() => {});
    return done.catch((error) => {
      throw asStorageFailed(error);
    });
  };
  return {
    mount: (view) =>
      inTurn(() => {
        session ??= openSession(options, view.round);
        return mountView(session, view);
      }),
    prepare: (ref) =>
      inTurn(async () => {
        if (session !== null) await session.files.of(ref, session.shamSeed, session.newestRound);
      }),
  };
}

interface Session {
  readonly views: string;
  readonly cache: ContentCache;
  readonly files: StrategyFiles;
  readonly spares: Spares;
  /** By digest, what is known of each view on disk. */
  readonly made: Map<string, Made>;
  /** What was found changed since it was last drained. */
  tampered: string[];
  newestRound: number;
  /** Of the last mount: a run shows real files or useless ones, not both. */
  shamSeed: number | null;
}

interface Made {
  lastRound: number;
  /** Contents it links to; `null` for a view of an earlier process. */
  contents: Iterable<string> | null;
  /** `null` where its directories do not tell whether all is well. */
  left: Left | null;
}

function openSession({ directory, genomes, describe }: MounterOptions, round: number): Session {
  const tampered: string[] = [];
  mkdirSync(directory, { recursive: true });
  if (!ensureDirectory(join(directory, 'contents'))) tampered.push('contents');
  const cache = createContentCache(join(directory, 'contents'), (sha) => session.tampered.push(`contents/${sha}`));
  const session: Session = {
    views: join(directory, 'views'),
    cache,
    files: createStrategyFiles(cache, genomes, describe),
    spares: createSpares(cache),
    made: new Map(),
    tampered,
    newestRound: -1,
    shamSeed: null,
  };
  ensureViews(session);
  for (const name of readdirSync(session.views)) {
    session.made.set(name, { lastRound: round, contents: null, left: null });
  }
  // What a crash left behind before anything linked to it.
  cache.sweep();
  return session;
}

function ensureViews({ views, tampered }: Session): void {
  if (!ensureDirectory(views)) tampered.push('views');
}

async function mountView(session: Session, view: View) {
  if (view.round > session.newestRound) prune(session, view.round);
  session.shamSeed = view.shamSeed;
  const strategies = await strategiesOf(session, view);
  ensureViews(session);
  const mounts = [
    { source: showStrategies(session, view.round, strategies), target: 'strategies' },
    { source: showFiles(session, view.round, view.evals), target: 'evals' },
    ...(view.marks == null ? [] : [{ source: showFiles(session, view.round, view.marks), target: 'marks' } as const]),
  ] satisfies { source: string; target: (typeof mountTargets)[number] }[];
  const tampered = session.tampered;
  session.tampered = [];
  return { mounts, tampered };
}

async function strategiesOf({ files }: Session, view: View): Promise<Strategies> {
  const all = new Map<string, ReadonlyMap<string, string>>();
  for (const ref of view.strategies) {
    all.set(`${ref.lineage}_gen${ref.generation}`, await files.of(ref, view.shamSeed, view.round));
  }
  return all;
}

function showStrategies(session: Session, round: number, strategies: Strategies): string {
  const { cache, made, spares } = session;
  const plan = planOf(strategies);
  const name = digestOf(plan);
  const target = join(session.views, name);
  const before = made.get(name);
  const lastRound = Math.max(before?.lastRound ?? 0, round);
  if (before?.left != null && isAsLeft(target, before.left, cache)) before.lastRound = lastRound;
  else {
    const copies = cache.copies;
    const build = () => cache.settle(spares.build(target, strategies));
    show(session, name, plan, cache, build);
    const contents = new Set(plan.files.values());
    made.set(name, { lastRound, contents, left: leftAt(target, strategies, cache, copies) });
  }
  return join(target, 'strategies');
}

/** Evaluations and marks are new in every generation: written where they are shown, and read again to be sure of them. */
function showFiles(session: Session, round: number, shown: FileTree): string {
  const bytes = new Map([...shown.values()].map((file) => [sha256(file.bytes), file.bytes]));
  const plan = { directories: [], files: new Map([...shown].map(([path, file]) => [path, sha256(file.bytes)])) };
  const name = digestOf(plan);
  const source: FileSource = {
    place: (sha, target) => writeReadOnly(target, bytes.get(sha)!),
    isPlaced: isReadOnlyCopy,
  };
  show(session, name, plan, source, (target) => buildDirectory(target, plan, source));
  const lastRound = Math.max(session.made.get(name)?.lastRound ?? 0, round);
  session.made.set(name, { lastRound, contents: [], left: null });
  return join(session.views, name);
}

function show(
  session: Session,
  name: string,
  plan: DirectoryPlan,
  source: FileSource,
  build: (target: string) => void,
): void {
  const target = join(session.views, name);
  const isThere = lstatSync(target, { throwIfNoEntry: false }) !== undefined;
  if (isThere && isIntact(target, plan, source)) return;
  if (isThere) session.tampered.push(`views/${name}`);
  removeTree(target);
  build(target);
}

function digestOf(plan: DirectoryPlan): string {
  return sha256(JSON.stringify([plan.directories, [...plan.files]])).slice(0, 32);
}

/** What was shown in the previous round stays: a lineage that resumes may still be in it. */
function prune(session: Session, round: number): void {
  session.newestRound = round;
  session.spares.clear();
  for (const [name, { lastRound, contents, left }] of session.made) {
    if (lastRound >= round - 1) continue;
    session.made.delete(name);
    const target = join(session.views, name);
    if (left !== null && contents !== null && isAsLeft(target, left, session.cache)) {
      session.spares.add(target, left, contents);
      continue;
    }
    removeTree(target);
    session.cache.sweep(contents ?? undefined);
  }
  // Among them what was prepared and never shown.
  session.cache.sweep(session.files.forgetBefore(round - 1));
}

function asStorageFailed(error: unknown): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  return new StorageFailedError(`mounts cannot be written (${code})`, {
    details: { code: code ?? null },
    cause: error,
  });
}
