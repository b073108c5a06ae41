import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describeError, StorageFailedError, WeightsInvalidError } from '../core/errors.ts';
import type { LfsPointer } from './lfs-pointer.ts';

/** Large files of a repository, by content: `lfs/objects/<2>/<2>/<sha256>`, where git-lfs looks for them. */
export interface LfsObjects {
  /**
   * Keeps a file; its object is on the device when this returns. An object that is there and damaged is replaced.
   * @throws {WeightsInvalidError} when the file cannot be read. @throws {StorageFailedError} when it cannot be kept.
   */
  put(file: string): LfsPointer;
  /** Whether an object of that name and size is there; its content is looked at by `copyTo`. */
  has(pointer: LfsPointer): boolean;
  /** Writes an object's content to a new file. @throws {WeightsInvalidError} when it is missing or damaged. */
  copyTo(pointer: LfsPointer, file: string): void;
  /** Removes every object that is not kept. @returns the names of those removed. */
  prune(keep: ReadonlySet<string>): readonly string[];
}

/** @param gitDir - Of a repository that exists. */
export function openLfsObjects(gitDir: string): LfsObjects {
  const root = join(gitDir, 'lfs', 'objects');
  const temporaries = join(gitDir, 'lfs', 'tmp');
  const pathOf = (oid: string) => join(root, oid.slice(0, 2), oid.slice(2, 4), oid);
  const has = ({ oid, bytes }: LfsPointer) => statSync(pathOf(oid), { throwIfNoEntry: false })?.size === bytes;
  let lastTemporary = 0;

  return {
    has,
    put(file) {
      const temporary = join(temporaries, `galapagos-${process.pid}-${++lastTemporary}`);
      return guarded(`cannot keep ${file}`, () => {
        mkdirSync(temporaries, { recursive: true });
        const copied = copyDurably(file, temporary);
        const path = pathOf(copied.oid);
        mkdirSync(dirname(path), { recursive: true });
        // Over what is there, if anything is: equal content, unless it was damaged.
        renameSync(temporary, path);
        // A directory's new entry is durable when the directory is.
        for (let at = dirname(path); at.length >= gitDir.length; at = dirname(at)) syncDirectory(at);
        return copied;
      });
    },
    copyTo(pointer, file) {
      const path = pathOf(pointer.oid);
      if (!has(pointer)) {
        const size = statSync(path, { throwIfNoEntry: false })?.size;
        const why = size === undefined ? 'is missing' : `has ${size} bytes, not ${pointer.bytes}`;
        throw new WeightsInvalidError(`the object ${path} ${why}`);
      }
      const { oid } = guarded(`cannot write ${file}`, () => copyDurably(path, file));
      if (oid === pointer.oid) return;
      rmSync(file, { force: true });
      throw new WeightsInvalidError(`the object ${path} is damaged: its content is ${oid.slice(0, 8)}`);
    },
    prune(keep) {
      if (!existsSync(root)) return [];
      const there = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const removed = there.map(({ name }) => name).filter((oid) => !keep.has(oid));
      for (const oid of removed) rmSync(pathOf(oid), { force: true });
      return removed.sort();
    },
  };
}

const chunkBytes = 1 << 20;

/** Copies a file, hashing what is written, and forces it to the device. @throws {WeightsInvalidError} when it cannot be read. */
function copyDurably(from: string, to: string): LfsPointer {
  const source = openSource(from);
  try {
    const target = openSync(to, 'w');
    try {
      const hash = createHash('sha256');
      const chunk = Buffer.allocUnsafe(chunkBytes);
      let bytes = 0;
      for (let count = readSync(source, chunk); count > 0; count = readSync(source, chunk)) {
        hash.update(chunk.subarray(0, count));
        for (let at = 0; at < count; ) at += writeSync(target, chunk, at, count - at);
        bytes += count;
      }
      fsyncSync(target);
      return { oid: hash.digest('hex'), bytes };
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

function openSource(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (cause) {
    throw new WeightsInvalidError(`${file}: cannot be read: ${describeError(cause)}`, { cause });
  }
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function guarded<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof WeightsInvalidError) throw cause;
    throw new StorageFailedError(`${what}: ${describeError(cause)}`, { cause });
  }
}
