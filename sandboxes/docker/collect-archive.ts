import type { Header } from 'tar-stream';
import { GenomeInvalidError } from '../../src/core/errors.ts';
import { type FileTree, parseTreePath, sortTree, type TreeFile, type TreeLimits } from '../../src/core/file-tree.ts';
import { literalPattern, quoted } from '../shell-words.ts';

const oddExit = 3;
const unusual = '-type s -o -type f -links +1 -o -type f ! -perm -400 -o -type d ! -perm -500';

/**
 * A shell command, for the workspace, that prints the workspace as a tar archive, or names on
 * standard error a path that must not be carried and that no archive would show.
 * @param skip - Names at the top level that belong to the runtime.
 */
export function archiveCommand(skip: Iterable<string>): string {
  const skipped = [...skip].map((name) => `./${literalPattern(name)}`);
  const prune = skipped.map((pattern) => `-path ${quoted(pattern)} -prune -o`).join(' ');
  const exclude = skipped.map((pattern) => `--exclude=${quoted(pattern)}`).join(' ');
  const kind = 'if [ -S "$odd" ]; then k=socket; elif [ -d "$odd" ] || [ ! -r "$odd" ]; then k=mode; else k=link; fi';
  return [
    `odd=$(find . ${prune} \\( ${unusual} \\) -print -quit 2>/dev/null) || [ -n "$odd" ] || exit 1`,
    `[ -z "$odd" ] || { ${kind}; printf '%s %s' "$k" "$odd" >&2; exit ${oddExit}; }`,
    `exec env TAR_OPTIONS=--format=gnu tar -cf - ${exclude} .`,
  ].join('; ');
}

/** @throws {GenomeInvalidError} when the command of {@link archiveCommand} ended because of what it found. */
export function throwIfOdd(exitCode: number | null, stderr: string): void {
  if (exitCode !== oddExit) return;
  const [, kind, name] = /^(\w+) (?:\.\/)?(.*)/s.exec(stderr) ?? [];
  const why = { socket: 'is a socket', link: 'is a hard link' }[kind ?? ''] ?? 'has a mode that forbids reading';
  refuse(name ?? '', why);
}

export interface TreeReader {
  /** The next bytes of the archive. */
  write(bytes: Buffer): void;
  /** Aborts at the first thing that must not be carried: nothing more need be sent. */
  readonly refused: AbortSignal;
  /** @throws {GenomeInvalidError} naming the path that was refused. */
  finish(): Promise<FileTree>;
}

/** Reads an archive that was made of a hostile tree, and holds no more of it than the limits allow. */
export async function readTree(limits: TreeLimits): Promise<TreeReader> {
  const { extract } = await import('tar-stream');
  const found: [string, TreeFile][] = [];
  const admit = admission(limits);
  // Its types know nothing of the encoding, which keeps the bytes of names as they are.
  const archive = extract({ filenameEncoding: 'latin1' } as object);
  const refusal = new AbortController();
  const complete = new Promise<void>((resolve) => archive.on('close', () => resolve()));
  archive.on('error', (error) => refusal.abort(error));
  archive.on('entry', (header, content, next) => {
    try {
      const path = admit(header);
      const chunks: Uint8Array[] = [];
      content.on('data', (chunk) => chunks.push(chunk as Uint8Array));
      content.on('end', () => {
        const bytes = new Uint8Array(Buffer.concat(chunks));
        if (path !== null) found.push([path, { bytes, isExecutable: (header.mode & 0o100) !== 0 }]);
        next();
      });
    } catch (error) {
      // What comes after it is not looked at.
      refusal.abort(error);
    }
  });
  return {
    refused: refusal.signal,
    write: (bytes) => {
      if (!refusal.signal.aborted) archive.write(bytes);
    },
    async finish() {
      if (!refusal.signal.aborted) {
        archive.end(undefined);
        await complete;
      }
      refusal.signal.throwIfAborted();
      return sortTree(found);
    },
  };
}

/**
 * Checks entries one by one, before their content is read.
 * @returns a function that returns the path of a file, and `null` for a directory.
 */
function admission(limits: TreeLimits): (entry: Header) => string | null {
  const seen = { files: 0, directories: 0, bytes: 0 };
  return ({ name, type, size }) => {
    const path = nameOf(name);
    if (path === '') return null;
    parseTreePath(path);
    if (type === 'directory') {
      seen.directories += 1;
      if (seen.directories > limits.maxFiles) refuse(path, `is one directory too many (limit ${limits.maxFiles})`);
      return null;
    }
    if (type !== 'file') refuse(path, kinds[type] ?? 'is a device');
    seen.files += 1;
    if (seen.files > limits.maxFiles) refuse(path, `is one file too many (limit ${limits.maxFiles})`);
    if (size > limits.maxFileBytes) refuse(path, `has ${size} bytes (limit ${limits.maxFileBytes})`);
    seen.bytes += size;
    if (seen.bytes > limits.maxBytes) refuse(path, `takes the tree past ${limits.maxBytes} bytes`);
    return path;
  };
}

const kinds: Readonly<Record<string, string>> = {
  symlink: 'is a symbolic link',
  link: 'is a hard link',
  fifo: 'is a fifo',
};

function refuse(path: string, why: string): never {
  throw new GenomeInvalidError(`the path ${JSON.stringify(path)} ${why}`);
}

/** tar hands on the bytes of a name, here as Latin-1; a name that is not UTF-8 has no place in a tree. */
function nameOf(latin1: string): string {
  const name = latin1.replace(/^\.\/?/, '').replace(/\/$/, '');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(name, 'latin1'));
  } catch {
    return refuse(name, 'is not valid UTF-8');
  }
}
