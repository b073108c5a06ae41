import { join } from 'node:path';
import { LineageCorruptError } from '../core/errors.ts';
import type { CommitId } from '../core/ids.ts';
import { runGit } from './git-command.ts';

/** A line of a file, without its line feed, and the commit that brought it. */
export interface BlamedLine {
  readonly commit: CommitId;
  readonly text: string;
}

/**
 * `git blame` of one text file as it stands at `commit`. A line that both
 * parents of an adoption have is the first parent's: what a lineage had
 * already it did not take from a peer.
 * @param dir - The lineage repository.
 * @throws {LineageCorruptError} when there is no such repository, commit or file.
 */
export async function blameFile(dir: string, commit: CommitId, path: string): Promise<BlamedLine[]> {
  const cwd = join(dir, '.git');
  const output = await runGit({ cwd, args: ['--git-dir=.', 'blame', '--porcelain', commit, '--', path] });
  return parsePorcelain(output.toString());
}

/** For each line `<commit> <line then> <line now>[ <lines>]`, headers for a commit's first line, and the line after a tab. */
function parsePorcelain(text: string): BlamedLine[] {
  const lines: BlamedLine[] = [];
  let commit: CommitId | null = null;
  for (const line of text.split('\n')) {
    if (line.startsWith('\t')) {
      if (commit === null) throw new LineageCorruptError('git blame said a line without a commit');
      lines.push({ commit, text: line.slice(1) });
      commit = null;
    } else if (commit === null && line !== '') commit = line.slice(0, 40) as CommitId;
  }
  return lines;
}
