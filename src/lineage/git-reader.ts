import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type SimpleGit, simpleGit } from 'simple-git';
import { LineageCorruptError } from '../core/errors.ts';
import { type FileTree, sortTree, type TreeFile } from '../core/file-tree.ts';
import type { CommitId, LineageId } from '../core/ids.ts';
import type { Json } from '../core/json.ts';
import { runGit } from './git-command.ts';
import type { LineageReader, LogEntry } from './lineage.ts';
import { notesRef } from './lineage-state.ts';
import { byLineageThenGeneration, namesByCommit } from './log-entries.ts';

/**
 * Reads the lineage repository at `dir`, of a live or a finished run; what
 * it sees is what was checkpointed. Every method throws LineageCorruptError
 * when there is no such repository, or git cannot read what is asked for.
 *
 * `refs` of an entry are full names (`refs/attempts/a/3`, `refs/heads/lineage/a`).
 */
export function openGitReader(dir: string): LineageReader {
  const gitDir = join(dir, '.git');
  const read = async (args: string[]): Promise<string> => {
    try {
      // Inside the .git directory and told so: an enclosing repository is never read by mistake.
      return await clientOf(gitDir).raw(['--git-dir=.', ...args]);
    } catch (cause) {
      throw new LineageCorruptError(`cannot read the lineage repository ${dir}`, { cause });
    }
  };
  return {
    log: () => readLog(read),
    diff: async (from, to) => (from === to ? '' : read(['diff', ...plainDiff, from, to, '--'])),
    async tree(commit) {
      if (!existsSync(gitDir)) throw new LineageCorruptError(`there is no lineage repository in ${dir}`);
      return readTree(gitDir, commit);
    },
    async graph({ color, max }) {
      if ((await read(['for-each-ref', '--count=1'])) === '') return '';
      return read([
        ...['log', '--graph', '--oneline', `--color=${color ? 'always' : 'never'}`, '--no-show-signature'],
        ...['--decorate=short', '--decorate-refs=refs/heads', '--decorate-refs=refs/tags'],
        ...(max === undefined ? [] : [`--max-count=${max}`]),
        ...['--exclude=refs/notes/*', '--all', '--'],
      ]);
    },
  };
}

type Read = (args: string[]) => Promise<string>;

function clientOf(gitDir: string): SimpleGit {
  // Only the end of the output ends a command: by default 50 ms after the exit would do, and a log may be long.
  return simpleGit(gitDir, {
    completion: { onClose: true, onExit: false },
    unsafe: { allowUnsafeConfigPaths: true }, // for --git-dir; no argument comes from outside
  });
}

/** A diff that no user setting bends. */
const plainDiff = [
  ...['--no-color', '--no-ext-diff', '--no-textconv', '--unified=3', '--find-renames'],
  ...['--src-prefix=a/', '--dst-prefix=b/', '--diff-algorithm=histogram'],
];

/** NUL after each field: neither a message nor JSON can hold one. */
const fields = ['%H', '%P', '%ct', '%s', '%(trailers:only,unfold,separator=%x0A)', '%N'];

async function readLog(read: Read): Promise<LogEntry[]> {
  const refs = (await read(['for-each-ref', '--format=%(objectname) %(refname)']))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => [line.slice(41), line.slice(0, 40) as CommitId] as const);
  const attempts = refs.filter(([ref]) => ref.startsWith('refs/attempts/'));
  if (attempts.length === 0) return [];
  const text = await read([
    ...['log', '--glob=refs/attempts/*', `--notes=${notesRef}`, '--encoding=UTF-8', '--no-color'],
    ...['--no-show-signature', '--no-mailmap', `--format=tformat:${fields.map((f) => `${f}%x00`).join('')}`, '--'],
  ]);
  const commits = parseCommits(text);
  const names = namesByCommit(refs);
  return attempts.map(([ref, id]) => entryOf(ref, id, commits, names)).sort(byLineageThenGeneration);
}

type Fields = readonly string[];

function parseCommits(text: string): Map<string, Fields> {
  const parts = text.split('\0');
  const commits = new Map<string, Fields>();
  // Each record ends in a line feed, which therefore begins the next one.
  for (let i = 0; i + fields.length < parts.length; i += fields.length) {
    commits.set(parts[i]!.trimStart(), parts.slice(i + 1, i + fields.length));
  }
  return commits;
}

function entryOf(
  ref: string,
  commit: CommitId,
  commits: ReadonlyMap<string, Fields>,
  names: ReadonlyMap<CommitId, readonly string[]>,
): LogEntry {
  const [, , lineage, generation] = ref.split('/');
  const found = commits.get(commit);
  if (found === undefined) throw new LineageCorruptError(`${ref} is not a commit`);
  const [parents, seconds, subject, trailers, note] = found as [string, string, string, string, string];
  return {
    commit,
    parents: words(parents) as CommitId[],
    lineage: lineage as LineageId,
    generation: Number(generation),
    subject,
    seconds: Number(seconds),
    trailers: trailers
      .split('\n')
      .filter((line) => line !== '')
      .map(parseTrailer),
    note: parseNote(commit, note),
    refs: names.get(commit) ?? [],
  };
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}

function parseTrailer(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

/** A note somebody wrote by hand is not ours to lose: it is shown as a text. */
function parseNote(commit: CommitId, text: string): Json {
  if (text === '') return null;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return { commit, text };
  }
}

async function readTree(gitDir: string, commit: CommitId): Promise<FileTree> {
  const git = (args: string[], input = '') => runGit({ cwd: gitDir, args: ['--git-dir=.', ...args], input });
  const listed = (await git(['ls-tree', '-r', '-z', '--full-tree', commit])).toString().split('\0').slice(0, -1);
  const files = listed.map((line) => {
    const [, mode, id, path] = /^(\d+) blob ([0-9a-f]+)\t([\s\S]+)$/.exec(line) ?? [];
    if (path === undefined) throw new LineageCorruptError(`${commit} holds more than files`);
    return { path, id: id!, isExecutable: mode === '100755' };
  });
  const contents = splitBatch(await git(['cat-file', '--batch'], files.map((f) => `${f.id}\n`).join('')));
  return sortTree(
    files.map(({ path, isExecutable }, i): [string, TreeFile] => [path, { bytes: contents[i]!, isExecutable }]),
  );
}

/** `<id> blob <size>\n<bytes>\n`, again and again. */
export function splitBatch(output: Buffer): Uint8Array[] {
  const contents: Uint8Array[] = [];
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(10, at);
    const header = output.toString('latin1', at, end);
    const size = Number(/^[0-9a-f]+ blob (\d+)$/.exec(header)?.[1]);
    if (Number.isNaN(size)) throw new LineageCorruptError(`git cat-file said ${JSON.stringify(header)}`);
    contents.push(new Uint8Array(output.subarray(end + 1, end + 1 + size)));
    at = end + 1 + size + 1;
  }
  return contents;
}
