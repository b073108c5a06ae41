import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { adapterFiles, adapterIdOf } from '../core/adapter.ts';
import {
  describeError,
  GalapagosError,
  LineageCorruptError,
  StorageFailedError,
  WeightsInvalidError,
} from '../core/errors.ts';
import type { TreeFile } from '../core/file-tree.ts';
import type { AdapterId, GenomeId } from '../core/ids.ts';
import { sha256 } from '../core/json.ts';
import { attributesFile, largeFiles, pointersOf } from './adapter-tree.ts';
import { runGit } from './git-command.ts';
import { splitBatch } from './git-reader.ts';
import { openLfsObjects } from './lfs-objects.ts';
import { decodePointer, encodePointer, type LfsPointer, maxPointerBytes } from './lfs-pointer.ts';
import type { AdapterStore, GenomeStore } from './lineage.ts';

export interface AdapterStoreOptions {
  /** The lineage repository's directory; it must have been opened once. */
  readonly dir: string;
  /** Takes the small files, and pointers in place of the large ones. */
  readonly genomes: GenomeStore;
}

/**
 * Adapters of a run: large files as objects of git-lfs in the run's
 * repository, everything else as one small tree among the genomes.
 * @throws {LineageCorruptError} when there is no repository yet.
 */
export function openAdapterStore({ dir, genomes }: AdapterStoreOptions): AdapterStore {
  const gitDir = join(dir, '.git');
  if (!existsSync(gitDir)) throw new LineageCorruptError(`there is no lineage repository in ${dir}`);
  const objects = openLfsObjects(gitDir);

  return {
    async put(directory) {
      const large = largeFiles
        .filter((name) => name === adapterFiles.weights || existsSync(join(directory, name)))
        .map((name) => [name, objects.put(join(directory, name))] as const);
      const small = smallFiles
        .filter((name) => name === adapterFiles.config || existsSync(join(directory, name)))
        .map((name) => [name, plain(readSmall(join(directory, name)))] as const);
      const pointers = large.map(([name, pointer]) => [name, plain(encodePointer(pointer))] as const);
      const tree = await genomes.put(new Map([attributesFile, ...small, ...pointers]));
      return {
        id: idOf(tree, new Map(small).get(adapterFiles.config), new Map(large).get(adapterFiles.weights)),
        tree,
      };
    },

    async restore(tree, directory) {
      const files = await genomes.get(tree);
      const pointers = pointersOf(files);
      const id = idOf(tree, files.get(adapterFiles.config), pointers.get(adapterFiles.weights));
      const temporary = `${directory}.new-${process.pid}`;
      try {
        rmSync(temporary, { recursive: true, force: true });
        mkdirSync(temporary, { recursive: true });
        for (const [name, pointer] of pointers) objects.copyTo(pointer, join(temporary, name));
        for (const name of smallFiles) {
          const file = files.get(name);
          if (file !== undefined) writeFileSync(join(temporary, name), file.bytes);
        }
        rmSync(directory, { recursive: true, force: true });
        renameSync(temporary, directory);
      } catch (error) {
        rmSync(temporary, { recursive: true, force: true });
        if (error instanceof GalapagosError) throw error;
        throw new StorageFailedError(`cannot restore ${directory}: ${describeError(error)}`, { cause: error });
      }
      return id;
    },

    async prune(inFlight) {
      const keep = await namedByCommits(gitDir);
      for (const tree of inFlight) for (const { oid } of pointersOf(await genomes.get(tree)).values()) keep.add(oid);
      return objects.prune(keep);
    },
  };
}

const smallFiles: readonly string[] = [adapterFiles.config, adapterFiles.provenance];
/** A configuration is a page; a provenance, with a number for each step, a few. */
const maxSmallBytes = 4 << 20;

function plain(bytes: Uint8Array): TreeFile {
  return { bytes, isExecutable: false };
}

function readSmall(file: string): Uint8Array {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new WeightsInvalidError(`${file}: cannot be read: ${describeError(cause)}`, { cause });
  }
  if (bytes.byteLength <= maxSmallBytes) return new Uint8Array(bytes);
  throw new WeightsInvalidError(`${file}: has ${bytes.byteLength} bytes; at most ${maxSmallBytes} are kept`);
}

function idOf(tree: GenomeId, config: TreeFile | undefined, weights: LfsPointer | undefined): AdapterId {
  if (config !== undefined && weights !== undefined) {
    return adapterIdOf({ config: sha256(config.bytes), weights: weights.oid });
  }
  throw new WeightsInvalidError(`the tree ${tree} holds no adapter`);
}

/**
 * Objects that some commit names: every pointer in every tree that a ref leads to, wherever it lies there. One that a
 * genome's author wrote by hand keeps an object too, which costs room and harms nobody.
 */
async function namedByCommits(gitDir: string): Promise<Set<string>> {
  const git = (args: readonly string[], input = '') => runGit({ cwd: gitDir, args: ['--git-dir=.', ...args], input });
  const listed = await git(['rev-list', '--objects', '--all', `--filter=blob:limit=${maxPointerBytes}`]);
  const ids = listed
    .toString()
    .split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter((id) => id !== '');
  const types = (await git(['cat-file', '--batch-check=%(objectname) %(objecttype)'], lines(ids))).toString();
  const blobs = types.split('\n').flatMap((line) => (line.endsWith(' blob') ? [line.split(' ')[0]!] : []));
  const contents = splitBatch(await git(['cat-file', '--batch'], lines(blobs)));
  return new Set(contents.flatMap((bytes) => decodePointer(bytes)?.oid ?? []));
}

function lines(ids: readonly string[]): string {
  return ids.map((id) => `${id}\n`).join('');
}
