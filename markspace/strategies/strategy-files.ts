import { GenomeInvalidError } from '../../src/core/errors.ts';
import type { FileTree } from '../../src/core/file-tree.ts';
import type { GenomeId } from '../../src/core/ids.ts';
import { sha256 } from '../../src/core/json.ts';
import type { StrategyRef } from '../../src/core/records.ts';
import { checkPaths } from '../collect/path-rules.ts';
import type { ContentCache } from './content-cache.ts';
import { shamTree } from './sham-tree.ts';

export const metadataName = 'metadata.json';

/** What a peer's directory tells about itself. Written by the guard, never by the peer. */
export interface StrategyMetadata {
  readonly lineage: string;
  readonly model?: string;
  readonly generation: number;
  readonly score?: number;
}

export interface StrategyFiles {
  /**
   * Paths and contents of one strategy, every content in the cache.
   * @param shamSeed - The run's seed for useless files, `null` for the real ones.
   * @throws {GenomeInvalidError} when the genome has a path that cannot be shown.
   */
  of(ref: StrategyRef, shamSeed: number | null, round: number): Promise<ReadonlyMap<string, string>>;
  /** Forgets what was last asked for before `round`. @returns its contents. */
  forgetBefore(round: number): readonly string[];
}

interface Remembered {
  readonly files: ReadonlyMap<string, string>;
  round: number;
}

export function createStrategyFiles(
  cache: ContentCache,
  genomes: { get(id: GenomeId): Promise<FileTree> },
  describe: (ref: StrategyRef) => StrategyMetadata,
): StrategyFiles {
  const memory = new Map<string, Remembered>();

  async function load(ref: StrategyRef, shamSeed: number | null): Promise<ReadonlyMap<string, string>> {
    const files = new Map<string, string>();
    for (const [path, bytes] of contents(await genomes.get(ref.genome), ref, shamSeed, describe(ref))) {
      const sha = sha256(bytes);
      if (!cache.has(sha)) cache.put(sha, bytes);
      files.set(path, sha);
    }
    return files;
  }

  return {
    async of(ref, shamSeed, round) {
      const key = JSON.stringify([ref, shamSeed]);
      const known = memory.get(key);
      if (known !== undefined && [...known.files.values()].every(cache.has)) {
        known.round = Math.max(known.round, round);
        return known.files;
      }
      const files = await load(ref, shamSeed);
      memory.set(key, { files, round });
      return files;
    },
    forgetBefore(round) {
      const old = [...memory].filter(([, remembered]) => remembered.round < round);
      for (const [key] of old) memory.delete(key);
      return old.flatMap(([, { files }]) => [...files.values()]);
    },
  };
}

function* contents(
  tree: FileTree,
  ref: StrategyRef,
  shamSeed: number | null,
  metadata: StrategyMetadata,
): Generator<[path: string, bytes: Uint8Array]> {
  const refusal = checkPaths(tree.keys());
  if (refusal !== null) throw new GenomeInvalidError(`the genome ${ref.genome} cannot be shown: ${refusal.message}`);
  const { lineage, generation } = ref;
  // A peer that writes its own metadata could claim any score.
  const own = [...tree].filter(([path]) => path.split('/')[0]!.normalize('NFKC').toLowerCase() !== metadataName);
  if (shamSeed === null) for (const [path, { bytes }] of own) yield [path, bytes];
  else yield* shamTree(new Map(own), { seed: shamSeed, lineage, generation });
  yield [metadataName, new TextEncoder().encode(`${JSON.stringify(metadata, null, 2)}\n`)];
}
