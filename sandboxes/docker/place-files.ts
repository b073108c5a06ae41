import { GenomeInvalidError } from '../../src/core/errors.ts';
import { type FileTree, parseTreePath, type TreeFile } from '../../src/core/file-tree.ts';
import { quoted } from '../shell-words.ts';
import { packTree, recordBytes } from './pack-tree.ts';

const pageBytes = 4_096;
const maxNameBytes = 255;

/**
 * Refuses files that cannot be put into a workspace, before any of them is.
 * @param reserved - Names at the top level that belong to the runtime.
 * @throws {GenomeInvalidError} naming the path.
 */
export function checkFiles(files: FileTree, reserved: ReadonlySet<string>): void {
  for (const path of files.keys()) {
    const segments = parseTreePath(path).split('/');
    const fail = (why: string): never => {
      throw new GenomeInvalidError(`the path ${JSON.stringify(path)} ${why}`);
    };
    if (reserved.has(segments[0]!)) fail('belongs to a read-only mount');
    if (segments.some((name) => Buffer.byteLength(name) > maxNameBytes)) fail('is too long for the file system');
  }
}

/**
 * Files that wait to be put into a workspace that nothing has run in. A file
 * takes the place of whatever is in its way.
 */
export class WaitingFiles {
  readonly #files = new Map<string, TreeFile>();
  readonly #reserved: ReadonlySet<string>;
  readonly #workspaceBytes: number;

  /**
   * @param reserved - Names at the top level that belong to the runtime.
   * @param workspaceBytes - Size of the volume that they will lie on.
   */
  constructor(reserved: ReadonlySet<string>, workspaceBytes: number) {
    this.#reserved = reserved;
    this.#workspaceBytes = workspaceBytes;
  }

  /** @throws {GenomeInvalidError} naming a bad path, or the first that does not fit on the volume. */
  add(files: FileTree): void {
    checkFiles(files, this.#reserved);
    for (const [path, file] of files) {
      for (const above of ancestorsOf(path)) this.#files.delete(above);
      for (const other of this.#files.keys()) if (other.startsWith(`${path}/`)) this.#files.delete(other);
      this.#files.set(path, file);
    }
    let bytes = 0;
    for (const [path, file] of this.#files) {
      bytes += Math.ceil(file.bytes.length / pageBytes) * pageBytes;
      if (bytes > this.#workspaceBytes) throw doesNotFit(path);
    }
  }

  /** @returns the files, which wait no longer. */
  take(): FileTree {
    const files = new Map(this.#files);
    this.#files.clear();
    return files;
  }
}

export function doesNotFit(path: string): GenomeInvalidError {
  return new GenomeInvalidError(`the path ${JSON.stringify(path)} does not fit on the volume of the sandbox`);
}

function ancestorsOf(path: string): string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_segment, i) => segments.slice(0, i + 1).join('/'));
}

/** How files are unpacked: a piece of shell, and the archive that it reads. */
export interface Unpacking {
  readonly command: string;
  readonly archive: Buffer;
}

/** Reads exactly its archive from the input, and leaves what follows to the command. */
export function unpacking(files: FileTree): Unpacking {
  const archive = packTree(files);
  const read = `dd bs=${recordBytes} count=${archive.length / recordBytes} iflag=fullblock status=none`;
  return { command: `${read} | tar -xmf -`, archive };
}

const clearing = [
  // A directory on the way: a link or a special file is removed, never followed.
  'd() { if [ -L "$1" ] || [ ! -d "$1" ]; then rm -f "$1"; mkdir "$1"; elif [ ! -r "$1" ] || [ ! -w "$1" ] || [ ! -x "$1" ]; then chmod 755 "$1"; fi; }',
  // A file: what is there goes, even where a candidate took the right to do so away from its directories.
  'f() { if [ -L "$1" ] || [ -e "$1" ]; then rm -rf "$1" 2>/dev/null || { chmod -R u+rwx "$1"; rm -rf "$1"; }; fi; }',
];

/** Shell that makes way for the files in a workspace that hostile code may have prepared. */
export function clearingFor(files: FileTree): string {
  const seen = new Set<string>();
  const steps: string[] = [];
  for (const path of files.keys()) {
    for (const directory of ancestorsOf(path)) {
      if (!seen.has(directory)) steps.push(`d ${quoted(`./${directory}`)}`);
      seen.add(directory);
    }
    steps.push(`f ${quoted(`./${path}`)}`);
  }
  return [...clearing, ...steps].join('; ');
}
