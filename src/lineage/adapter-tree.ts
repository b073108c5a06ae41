import { adapterFiles, adapterFolder } from '../core/adapter.ts';
import { GenomeInvalidError } from '../core/errors.ts';
import { type FileTree, textFile } from '../core/file-tree.ts';
import { decodePointer, type LfsPointer } from './lfs-pointer.ts';
import type { GenerationCommit, GenomeStore } from './lineage.ts';

/** Held as objects of git-lfs; the others are held by git itself. */
export const largeFiles: readonly string[] = [adapterFiles.weights, adapterFiles.optimizer, adapterFiles.replay];

/**
 * In the folder itself, where it outweighs whatever attributes a genome brings:
 * a checkout with git-lfs gives real files, and one without it pointers.
 */
export const attributesFile = [
  '.gitattributes',
  textFile(largeFiles.map((name) => `${name} filter=lfs diff=lfs merge=lfs -text\n`).join('')),
] as const;

/** The objects that an adapter's tree stands for, by file. */
export function pointersOf(adapter: FileTree): ReadonlyMap<string, LfsPointer> {
  return new Map(
    [...adapter].flatMap(([name, { bytes }]) => {
      const pointer = largeFiles.includes(name) ? decodePointer(bytes) : null;
      return pointer === null ? [] : [[name, pointer]];
    }),
  );
}

/**
 * What a generation's commit holds.
 * @returns its tree, and the adapter's alone, empty where there is none.
 * @throws {GenomeInvalidError} for a genome with files of its own where the adapter's are to be.
 */
export async function commitTree(
  { genome, adapter }: GenerationCommit,
  genomes: GenomeStore,
): Promise<{ readonly tree: FileTree; readonly adapter: FileTree }> {
  const code = await genomes.get(genome);
  if (adapter === undefined) return { tree: code, adapter: new Map() };
  const taken = [...code.keys()].find((path) => path.split('/')[0] === adapterFolder);
  if (taken !== undefined) {
    throw new GenomeInvalidError(`${taken} is where a generation's weights lie: keep files outside ${adapterFolder}/`);
  }
  const weights = await genomes.get(adapter);
  const placed = [...weights].map(([name, file]) => [`${adapterFolder}/${name}`, file] as const);
  return { tree: new Map([...code, ...placed]), adapter: weights };
}
