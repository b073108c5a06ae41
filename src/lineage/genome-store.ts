import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { LineageCorruptError, StorageFailedError } from '../core/errors.ts';
import {
  type FileTree,
  type ManifestEntry,
  manifestOf,
  parseTreePath,
  type TreeFile,
  totalBytes,
  treeId,
} from '../core/file-tree.ts';
import { type GenomeId, parseGenomeId } from '../core/ids.ts';
import { canonicalJson, sha256 } from '../core/json.ts';
import type { GenomeStore } from './lineage.ts';

const manifestSchema = z.array(
  z.strictObject({
    path: z.string(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    bytes: z.int().nonnegative(),
    isExecutable: z.boolean(),
  }),
);

/**
 * Genomes in a directory: `blobs/<2>/<sha256>` and `manifests/<2>/<genome>.json`.
 *
 * A file is written under another name and renamed, so it is there whole or
 * not at all, whenever the process is killed. It is not forced to disk: after
 * a power failure a recent file may be empty, which `get` notices and the
 * next `put` repairs. A file stored before is not written, and within one
 * process not even looked for; recent genomes stay in memory. Files are small and local, so calls are
 * synchronous: each would cost ten times as much through the thread pool.
 *
 * @throws {StorageFailedError} from `put`, when the directory cannot be written.
 * @throws {GenomeInvalidError} from `put`, for a path that is not one.
 */
export function createFileGenomeStore(dir: string): GenomeStore {
  const stored = new Set<string>();
  const made = new Set<string>();
  const recent = createRecentTrees();
  let lastTemporary = 0;

  function write(path: string, bytes: Uint8Array): void {
    if (stored.has(path)) return;
    if (statSync(path, { throwIfNoEntry: false })?.size !== bytes.byteLength) {
      const temporary = `${path}.${process.pid}-${++lastTemporary}.tmp`;
      const folder = dirname(path);
      if (!made.has(folder)) mkdirSync(folder, { recursive: true });
      made.add(folder);
      writeFileSync(temporary, bytes);
      renameSync(temporary, path);
    }
    stored.add(path);
  }

  return {
    async put(tree) {
      const manifest = manifestOf(checked(tree));
      const id = treeId(manifest);
      try {
        for (const { path, sha256: hash } of manifest) write(blobPath(dir, hash), tree.get(path)!.bytes);
        // Last, so that a manifest never names a blob that is not there.
        write(manifestPath(dir, id), Buffer.from(canonicalJson(manifest)));
      } catch (cause) {
        made.clear();
        throw new StorageFailedError(`cannot store genome ${id}`, { cause });
      }
      recent.keep(id, copyOf(tree));
      return id;
    },
    async get(id) {
      const known = recent.find(id);
      if (known !== null) return copyOf(known);
      const manifest = parseManifest(id, readStored(manifestPath(dir, parseGenomeId(id)), `genome ${id}`));
      const files = manifest.map((entry): [string, TreeFile] => {
        const what = `${entry.path} of genome ${id}`;
        const bytes = new Uint8Array(readStored(blobPath(dir, entry.sha256), what));
        if (sha256(bytes) !== entry.sha256) throw new LineageCorruptError(`${what} does not match its hash`);
        return [entry.path, { bytes, isExecutable: entry.isExecutable }];
      });
      const tree: FileTree = new Map(files);
      recent.keep(id, copyOf(tree));
      return tree;
    },
  };
}

/** Bytes of recent genomes that stay in memory. */
const recentBytes = 32 * 1024 * 1024;

/** The genomes used last: a generation asks for the same few again and again. */
function createRecentTrees() {
  const trees = new Map<GenomeId, FileTree>();
  let bytes = 0;
  const drop = (id: GenomeId) => {
    const tree = trees.get(id);
    if (tree === undefined) return;
    trees.delete(id);
    bytes -= totalBytes(tree);
  };
  return {
    find(id: GenomeId): FileTree | null {
      const tree = trees.get(id);
      if (tree === undefined) return null;
      // The order of a Map is the order of insertion: the first is the one not used for longest.
      trees.delete(id);
      trees.set(id, tree);
      return tree;
    },
    keep(id: GenomeId, tree: FileTree): void {
      drop(id);
      trees.set(id, tree);
      bytes += totalBytes(tree);
      for (const oldest of trees.keys()) {
        if (bytes <= recentBytes) break;
        drop(oldest);
      }
    },
  };
}

/** The double: the same contract, nothing on disk. */
export function createMemoryGenomeStore(): GenomeStore {
  const genomes = new Map<GenomeId, FileTree>();
  return {
    async put(tree) {
      const id = treeId(manifestOf(checked(tree)));
      if (!genomes.has(id)) genomes.set(id, copyOf(tree));
      return id;
    },
    async get(id) {
      const tree = genomes.get(id);
      if (tree === undefined) throw new LineageCorruptError(`genome ${id} is missing`);
      return copyOf(tree);
    },
  };
}

function checked(tree: FileTree): FileTree {
  for (const path of tree.keys()) parseTreePath(path);
  return tree;
}

/** Neither side may change what the other holds. */
function copyOf(tree: FileTree): FileTree {
  const sorted = [...tree].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return new Map(
    sorted.map(([path, { bytes, isExecutable }]) => [path, { bytes: new Uint8Array(bytes), isExecutable }]),
  );
}

function parseManifest(id: GenomeId, bytes: Buffer): readonly ManifestEntry[] {
  let manifest: readonly ManifestEntry[] | null = null;
  try {
    manifest = manifestSchema.parse(JSON.parse(bytes.toString()));
  } catch {} // damaged: said below
  if (manifest === null || treeId(manifest) !== id) {
    throw new LineageCorruptError(`the manifest of genome ${id} does not match its id`);
  }
  return manifest;
}

function readStored(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new LineageCorruptError(`${what} is missing`, { cause });
  }
}

const blobPath = (dir: string, hash: string) => join(dir, 'blobs', hash.slice(0, 2), hash);
const manifestPath = (dir: string, id: GenomeId) => join(dir, 'manifests', id.slice(0, 2), `${id}.json`);
