import { hash } from 'node:crypto';
import { GenomeInvalidError } from '../core/errors.ts';
import { type FileTree, parseTreePath } from '../core/file-tree.ts';
import type { CommitId } from '../core/ids.ts';
import type { GenerationCommit } from './lineage.ts';

/**
 * git's object ids as pure functions. Knowing every id before git does lets the
 * writer send a blob once, find a commit already there without asking, and
 * notice when git stored something else; and it gives the in-memory double the
 * same ids as a repository.
 */
export interface GitTree {
  readonly root: string;
  /** Sorted by path in code-unit order. */
  readonly files: readonly GitFile[];
}

export interface GitFile {
  readonly path: string;
  readonly mode: '100644' | '100755';
  readonly blob: string;
  readonly bytes: Uint8Array;
}

export function objectId(type: 'blob' | 'tree' | 'commit', content: Uint8Array): string {
  return hash('sha1', Buffer.concat([Buffer.from(`${type} ${content.byteLength}\0`), content]));
}

/** @throws {GenomeInvalidError} for a path git would refuse, or a file where another path needs a directory. */
export function gitTree(tree: FileTree): GitTree {
  const files = [...tree]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([path, file]): GitFile => {
      const mode = file.isExecutable ? '100755' : '100644';
      return { path: parseTreePath(path), mode, blob: objectId('blob', file.bytes), bytes: file.bytes };
    });
  return { root: directoryId(directoryOf(files)), files };
}

type Directory = Map<string, GitFile | Directory>;

function directoryOf(files: readonly GitFile[]): Directory {
  const root: Directory = new Map();
  for (const file of files) {
    const segments = file.path.split('/');
    const name = segments.pop()!;
    let at = root;
    for (const segment of segments) {
      const next = at.get(segment) ?? new Map();
      if (!(next instanceof Map)) throw new GenomeInvalidError(`${next.path} is both a file and a directory`);
      at.set(segment, next);
      at = next;
    }
    if (at.has(name)) throw new GenomeInvalidError(`${file.path} is both a file and a directory`);
    at.set(name, file);
  }
  return root;
}

function directoryId(directory: Directory): string {
  const entries = [...directory].map(([name, entry]) => {
    const isDirectory = entry instanceof Map;
    // git sorts by bytes, a directory as if its name ended in a slash.
    return {
      key: Buffer.from(isDirectory ? `${name}/` : name),
      head: Buffer.from(`${isDirectory ? '40000' : entry.mode} ${name}\0`),
      id: Buffer.from(isDirectory ? directoryId(entry) : entry.blob, 'hex'),
    };
  });
  entries.sort((a, b) => Buffer.compare(a.key, b.key));
  return objectId('tree', Buffer.concat(entries.flatMap((e) => [e.head, e.id])));
}

export interface RenderedCommit {
  readonly id: CommitId;
  /** First parent first; a peer that is the parent itself is not named twice. */
  readonly parents: readonly CommitId[];
  /** `author` and `committer` lines. */
  readonly signature: string;
  readonly message: Buffer;
}

/** @throws {RangeError} when `seconds` is not a whole number from 0, or a trailer's key is not a word. */
export function renderCommit(generation: GenerationCommit, root: string): RenderedCommit {
  const { parent, adopted } = generation;
  const parents = [...new Set([parent, adopted])].filter((id) => id !== null);
  const signature = signatureOf(generation.lineage, generation.seconds);
  const message = Buffer.from(messageOf(generation));
  const head = [`tree ${root}`, ...parents.map((id) => `parent ${id}`), signature, '', ''].join('\n');
  const id = objectId('commit', Buffer.concat([Buffer.from(head), message])) as CommitId;
  return { id, parents, signature, message };
}

/** The two lines that say who and when; one name for both, so nothing depends on who runs it. */
export function signatureOf(name: string, seconds: number): string {
  if (!Number.isSafeInteger(seconds) || seconds < 0) {
    throw new RangeError(`a commit date is a whole number of seconds from 0, not ${seconds}`);
  }
  const who = `${name} <${name}@galapagos.invalid> ${seconds} +0000`;
  return `author ${who}\ncommitter ${who}`;
}

function messageOf({ subject, trailers, lineage, generation }: GenerationCommit): string {
  const title = subjectOf({ subject, lineage, generation });
  return trailers.length === 0 ? `${title}\n` : `${title}\n\n${trailers.map(trailerLine).join('')}`;
}

/** The subject as it is stored: one line, never empty. */
export function subjectOf(g: Pick<GenerationCommit, 'subject' | 'lineage' | 'generation'>): string {
  return oneLine(g.subject) || `Generation ${g.generation} of ${g.lineage}`;
}

function trailerLine([key, value]: readonly [key: string, value: string]): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9-]*$/.test(key)) throw new RangeError(`${JSON.stringify(key)} is not a trailer key`);
  return `${key}: ${oneLine(value)}\n`;
}

/** Folds white space and control characters: text from a model must not start a new trailer. */
export function oneLine(text: string): string {
  return text
    .replace(/[\s\p{Cc}\u2028\u2029]+/gu, ' ')
    .replace(/\p{Cs}/gu, '\ufffd')
    .trim();
}
