import { type Dirent, lstatSync, readdirSync, type Stats } from 'node:fs';
import type { WritablePlace } from '../../../sandboxes/sandbox.ts';

export interface FoundFile {
  /** As commands see it. */
  readonly path: string;
  /** As the host reaches it: every directory on the way was looked at and is one. */
  readonly outside: string;
  readonly info: Stats;
  readonly isDirectoryWritable: boolean;
  /** Whether its owner may pass all directories on the way to it. */
  readonly isReachable: boolean;
}

export interface Walk {
  readonly files: readonly FoundFile[];
  readonly directories: readonly {
    readonly path: string;
    readonly outside: string;
    readonly mode: number;
  }[];
  readonly links: readonly { readonly path: string; readonly outside: string }[];
  /** Everything else: fifos, sockets, and names that are not UTF-8 or hold more than a command can name. */
  readonly unnamed: number;
  /** Whether it stopped before the end, at too many entries or a path too long to follow. */
  readonly isCut: boolean;
}

const maxEntries = 20_000;
/** Of a path on the host; beyond it the kernel refuses. */
const maxPathBytes = 3_500;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Looks at places that hostile code has written, while nothing runs in them. Never follows a link.
 * @param skip - Paths of the inside that belong to other devices.
 */
export function walk(places: readonly WritablePlace[], skip: ReadonlySet<string>): Walk {
  const files: FoundFile[] = [];
  const directories: { path: string; outside: string; mode: number }[] = [];
  const links: { path: string; outside: string }[] = [];
  const pending = places.map(({ inside, outside }) => {
    const { mode } = lstatSync(outside);
    return { path: inside, outside, mode, isOpen: (mode & 0o100) !== 0 };
  });
  let unnamed = 0;
  let isCut = false;
  let entries = 0;
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of entriesOf(at.outside)) {
      const name = nameOf(entry.name);
      if (name === null) {
        unnamed += 1;
        continue;
      }
      const path = `${at.path}/${name}`;
      const outside = `${at.outside}/${name}`;
      if (skip.has(path)) continue;
      entries += 1;
      if (entries > maxEntries || Buffer.byteLength(outside) > maxPathBytes) {
        isCut = true;
        continue;
      }
      if (entry.isSymbolicLink()) {
        links.push({ path, outside });
        continue;
      }
      const info = lstatSync(outside);
      if (info.isDirectory()) {
        directories.push({ path, outside, mode: info.mode & 0o7777 });
        pending.push({ path, outside, mode: info.mode, isOpen: at.isOpen && (info.mode & 0o100) !== 0 });
      } else if (info.isFile()) {
        const isDirectoryWritable = (at.mode & 0o300) === 0o300;
        files.push({ path, outside, info, isDirectoryWritable, isReachable: at.isOpen });
      } else unnamed += 1;
    }
  }
  return { files, directories, links, unnamed, isCut };
}

/** A directory that an ordinary user's runtime may not read shows nothing, as it does to that user's commands. */
function entriesOf(directory: string): Dirent<Buffer>[] {
  try {
    return readdirSync(directory, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return [];
    throw error;
  }
}

function nameOf(bytes: Buffer): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}
