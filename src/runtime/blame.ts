import { RunNotFoundError } from '../core/errors.ts';
import { blameFile } from '../lineage/git-blame.ts';
import { openGitReader } from '../lineage/git-reader.ts';
import type { Target } from './history.ts';
import { runPaths } from './run-directory.ts';

/** Where the text of one generation comes from, line by line. */
export interface Blame {
  /** In the order of their paths. */
  readonly files: readonly BlamedFile[];
  /** Most lines first. Shares are of all the lines of `files` and add up to 1. */
  readonly lineages: readonly LineageShare[];
}

export interface BlamedFile {
  readonly path: string;
  /** `null` for a file that is no text. */
  readonly lines:
    | readonly {
        readonly lineage: string;
        readonly generation: number;
        readonly commit: string;
        readonly text: string;
      }[]
    | null;
}

export interface LineageShare {
  readonly lineage: string;
  /** Whether it is the lineage that was asked about; every other one was adopted from. */
  readonly isOwn: boolean;
  readonly lines: number;
  readonly share: number;
  /** The same by generation, earliest first. */
  readonly generations: readonly { readonly generation: number; readonly lines: number }[];
}

/**
 * Which generation of which lineage each line of a generation came from, by
 * `git blame`: an adoption is a merge, so a line taken from a peer leads to the
 * peer's generation that wrote it. A line that was moved to a file of another
 * name counts as written there.
 * @param path - Only this file.
 * @throws {RunNotFoundError} when `target` is no generation, or has no such file.
 */
export async function blameGeneration({ record, lineage, generation }: Target, path: string | null): Promise<Blame> {
  if (generation === null) throw new RunNotFoundError('name a generation: <run>/<lineage>/<generation>');
  const dir = runPaths(record.dir).lineage;
  const tree = await openGitReader(dir).tree(generation.commit);
  const paths = [...tree.keys()].filter((known) => path === null || known === path);
  if (paths.length === 0 && path !== null) {
    throw new RunNotFoundError(
      `generation ${generation.generation} of ${lineage} has no file ${path}; it has ${[...tree.keys()].join(', ')}`,
    );
  }
  const origins = new Map(record.lineages.flatMap((l) => l.generations.map((g) => [g.commit, g] as const)));
  const files: BlamedFile[] = [];
  for (const known of paths) {
    const lines = isText(tree.get(known)!.bytes) ? await blameFile(dir, generation.commit, known) : null;
    files.push({
      path: known,
      lines:
        lines?.map(({ commit, text }) => {
          const origin = origins.get(commit);
          if (origin === undefined) throw new RunNotFoundError(`${commit} is not a generation of ${record.run}`);
          return { lineage: origin.lineage, generation: origin.generation, commit, text };
        }) ?? null,
    });
  }
  return { files, lineages: sharesOf(files, lineage) };
}

/** git's own rule: a file is binary when its first 8,000 bytes hold a NUL. */
function isText(bytes: Uint8Array): boolean {
  return !bytes.subarray(0, 8_000).includes(0);
}

function sharesOf(files: readonly BlamedFile[], own: string | null): LineageShare[] {
  const lines = files.flatMap((file) => file.lines ?? []);
  const counts = new Map<string, Map<number, number>>();
  for (const { lineage, generation } of lines) {
    const of = counts.get(lineage) ?? new Map<number, number>();
    counts.set(lineage, of.set(generation, (of.get(generation) ?? 0) + 1));
  }
  return [...counts]
    .map(([lineage, of]) => {
      const generations = [...of].sort(([a], [b]) => a - b).map(([generation, n]) => ({ generation, lines: n }));
      const total = generations.reduce((sum, g) => sum + g.lines, 0);
      return { lineage, isOwn: lineage === own, lines: total, share: total / lines.length, generations };
    })
    .sort((a, b) => b.lines - a.lines || (a.lineage < b.lineage ? -1 : 1));
}
