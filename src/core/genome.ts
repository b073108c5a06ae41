import { z } from 'zod';
import { GenomeInvalidError } from './errors.ts';
import { type FileTree, textOf } from './file-tree.ts';

export const genomeManifestName = 'genome.json';

const entryPointSchema = z.strictObject({
  /** Program and arguments, run in the genome's directory; JSON on stdin, JSON on stdout. */
  command: z.array(z.string().min(1).max(1_024)).min(1).max(64),
});

/**
 * The contract of a genome: two entry points. `task` takes a situation and
 * answers it; `meta` edits the directory it runs in.
 */
export const genomeManifestSchema = z.strictObject({
  task: entryPointSchema,
  meta: entryPointSchema,
  /**
   * How both reach their model: `socket` sets `GALAPAGOS_GATEWAY` to a Unix
   * socket; `http` also offers it on loopback as `OPENAI_BASE_URL`, for any
   * client library, and costs the start of a small forwarder.
   */
  gateway: z.enum(['socket', 'http']).default('socket'),
});
export type GenomeManifest = z.output<typeof genomeManifestSchema>;

/** @throws {GenomeInvalidError} when `genome.json` is missing, not JSON, or has the wrong shape. */
export function parseGenomeManifest(tree: FileTree): GenomeManifest {
  const file = tree.get(genomeManifestName);
  if (file === undefined) throw new GenomeInvalidError(`${genomeManifestName} is missing`);
  const text = textOf(file.bytes);
  let json: unknown;
  try {
    json = JSON.parse(text ?? '');
  } catch (cause) {
    throw new GenomeInvalidError(`${genomeManifestName} is not JSON`, { cause });
  }
  const parsed = genomeManifestSchema.safeParse(json);
  if (!parsed.success) {
    throw new GenomeInvalidError(`${genomeManifestName}: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}
