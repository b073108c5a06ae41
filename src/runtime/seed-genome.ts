import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigInvalidError, GenomeInvalidError } from '../core/errors.ts';
import { type FileTree, parseTreePath, sortTree, type TreeFile, type TreeLimits } from '../core/file-tree.ts';
import { parseGenomeManifest } from '../core/genome.ts';

/** What Python leaves beside sources that it has run: never part of a genome. */
const leftovers = '__pycache__';

/**
 * Reads generation 0 from the experiment's directory, without what running it there has left.
 * @throws {ConfigInvalidError} when the directory is missing or is not a genome, saying why.
 */
export function readSeedGenome(dir: string, limits: TreeLimits): FileTree {
  if (!existsSync(dir) || !statSync(dir).isDirectory()) {
    throw new ConfigInvalidError(
      `the seed folder ${dir} does not exist; it must hold genome.json and the initial harness`,
    );
  }
  const files: [string, TreeFile][] = [];
  let bytes = 0;
  const walk = (folder: string, prefix: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      const full = join(folder, entry.name);
      if (entry.name === leftovers) continue;
      if (entry.isDirectory()) walk(full, path);
      else if (!entry.isFile()) throw new GenomeInvalidError(`${path} is neither a file nor a directory`);
      else {
        const content = readFileSync(full);
        bytes += content.byteLength;
        if (files.length >= limits.maxFiles || bytes > limits.maxBytes || content.byteLength > limits.maxFileBytes) {
          throw new GenomeInvalidError(`it exceeds the experiment's genome limits at ${path}`);
        }
        files.push([
          parseTreePath(path),
          { bytes: new Uint8Array(content), isExecutable: (statSync(full).mode & 0o100) !== 0 },
        ]);
      }
    }
  };
  try {
    walk(dir, '');
    const tree = sortTree(files);
    parseGenomeManifest(tree);
    return tree;
  } catch (cause) {
    if (cause instanceof GenomeInvalidError)
      throw new ConfigInvalidError(`the seed folder ${dir} is not a genome: ${cause.message}`, { cause });
    throw cause;
  }
}
