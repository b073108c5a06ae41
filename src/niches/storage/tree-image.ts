import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { WritablePlace } from '../../../sandboxes/sandbox.ts';
import { bytesOf, type PlannedFile, pageBytes, pagesOf, type WorldPlan } from './plan.ts';
import type { Walk } from './walk.ts';

export interface ImageFile {
  /** Absolute, as commands see it; `null` for one that has lost its name and lives on because it is held. */
  readonly path: string | null;
  readonly mode: number;
  /** How long before the world's birth it was written; less than 0 for what was written since. */
  readonly ageSeconds: number;
  readonly size: number;
  /** `null` for nothing but a hole. Where it holds fewer pages than `size` needs, pages of zeros are holes. */
  readonly bytes: Buffer | null;
  /** Pages that the file really takes, in bytes. */
  readonly allocated: number;
  /** The name under which some process of the world opened it at its birth, and holds it; `null` for any other. */
  readonly heldAs: string | null;
}

/** The whole state of a world's writable devices, from a plan or from a world that has lived a while. */
export interface TreeImage {
  /** Parents before children. */
  readonly directories: readonly { readonly path: string; readonly mode: number }[];
  readonly files: readonly ImageFile[];
  readonly hardLinks: readonly { readonly path: string; readonly target: string }[];
  readonly symbolicLinks: readonly { readonly path: string; readonly target: string }[];
}

export function imageOf(plan: WorldPlan): TreeImage {
  return {
    directories: plan.directories,
    files: plan.files.map((file) => {
      const bytes = file.content === null ? null : bytesOf(file);
      const allocated = bytes === null ? 0 : pagesOf(bytes.length);
      const { path, mode, size, ageSeconds, isHeld } = file;
      return { path, mode, size, ageSeconds, bytes, allocated, heldAs: isHeld ? path : null };
    }),
    hardLinks: plan.links,
    symbolicLinks: [],
  };
}

/** A file of a few pages may claim terabytes; such a world is not copied. */
const largestCopy = 2 ** 28;

/**
 * What a world has become, so that many copies of it can be built. Fifos, sockets and names that are no text are left
 * out. @throws {RangeError} for a file that claims more than 256 MiB.
 */
export function capture(
  found: Walk,
  held: ReadonlyMap<number, { readonly fd: number; readonly path: string }>,
  bornSeconds: number,
  plan: WorldPlan,
): TreeImage {
  const planned = new Map(plan.files.map((file) => [file.path, file]));
  const files = new Map<number, ImageFile>();
  const hardLinks: { path: string; target: string }[] = [];
  for (const { path, outside, info } of found.files) {
    const first = files.get(info.ino);
    if (first !== undefined) {
      hardLinks.push({ path, target: first.path! });
      continue;
    }
    if (info.size > largestCopy)
      throw new RangeError(`${JSON.stringify(path)} claims ${info.size} bytes: too large to copy`);
    const bytes = info.blocks === 0 ? null : shared(readFileSync(outside), planned.get(path));
    files.set(info.ino, { ...describe(info, bornSeconds), path, bytes, heldAs: held.get(info.ino)?.path ?? null });
  }
  for (const [ino, { fd, path }] of held) {
    if (files.has(ino)) continue;
    const info = fstatSync(fd);
    const bytes = Buffer.alloc(info.size);
    for (let at = 0; at < bytes.length; ) at += readSync(fd, bytes, at, bytes.length - at, at);
    files.set(ino, { ...describe(info, bornSeconds), path: null, bytes, heldAs: path });
  }
  const byDepth = [...found.directories].sort((a, b) => a.path.split('/').length - b.path.split('/').length);
  return {
    directories: byDepth.map(({ path, mode }) => ({ path, mode })),
    files: [...files.values()],
    hardLinks,
    symbolicLinks: found.links.map(({ path, outside }) => ({ path, target: readlinkSync(outside) })),
  };
}

/** Most files stay as they were planned: hundreds of states may be kept, so those share the planned bytes. */
function shared(bytes: Buffer, planned: PlannedFile | undefined): Buffer {
  if (planned?.size !== bytes.length) return bytes;
  const original = bytesOf(planned);
  return original.equals(bytes) ? original : bytes;
}

function describe(info: Stats, bornSeconds: number) {
  return {
    mode: info.mode & 0o7777,
    ageSeconds: bornSeconds - Math.floor(info.mtimeMs / 1_000),
    size: info.size,
    allocated: info.blocks * 512,
  };
}

/** Where a path of the inside lies on the host. @throws {RangeError} for a path that is in none of the places. */
export function outsideOf(places: readonly WritablePlace[], path: string): string {
  const place = places.find(({ inside }) => path === inside || path.startsWith(`${inside}/`));
  if (place === undefined) throw new RangeError(`${JSON.stringify(path)} is not where a world may lie`);
  return place.outside + path.slice(place.inside.length);
}

const fresh = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | constants.O_APPEND;

/**
 * Builds an image in empty places. Nothing of a candidate's runs or lies there, so paths mean what they say.
 * @param bornSeconds - The world's birth, in whole seconds since 1970: what ages are counted from.
 * @param hold - Takes the open descriptor of a file that some process of the world keeps open, appending.
 */
export function placeImage(
  image: TreeImage,
  places: readonly WritablePlace[],
  bornSeconds: number,
  hold: (path: string, fd: number) => void,
): void {
  for (const { path } of image.directories) mkdirSync(outsideOf(places, path), { mode: 0o755 });
  let nameless = 0;
  for (const file of image.files) {
    const path = outsideOf(places, file.path ?? `${places[0]!.inside}/.nameless-${(nameless += 1)}`);
    const fd = openSync(path, fresh, 0o600);
    let isKept = false;
    try {
      writeInto(fd, file);
      fchmodSync(fd, file.mode);
      futimesSync(fd, bornSeconds - file.ageSeconds, bornSeconds - file.ageSeconds);
      if (file.path === null) unlinkSync(path);
      if (file.heldAs !== null) {
        hold(file.heldAs, fd);
        isKept = true;
      }
    } finally {
      if (!isKept) closeSync(fd);
    }
  }
  for (const { path, target } of image.hardLinks) linkSync(outsideOf(places, target), outsideOf(places, path));
  for (const { path, target } of image.symbolicLinks) symlinkSync(target, outsideOf(places, path));
  // Last, and from the leaves up: a closed directory takes no more files, for an ordinary user.
  for (const { path, mode } of [...image.directories].reverse()) {
    if (mode !== 0o755) chmodSync(outsideOf(places, path), mode);
  }
}

function writeInto(fd: number, { bytes, size, allocated }: ImageFile): void {
  const hasHoles = bytes !== null && allocated < pagesOf(bytes.length);
  if (bytes !== null && !hasHoles) {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    return;
  }
  // Descriptors append, so a hole is made by growing the file past it.
  for (let at = 0; bytes !== null && at < bytes.length; at += pageBytes) {
    const page = bytes.subarray(at, at + pageBytes);
    if (page.every((byte) => byte === 0)) continue;
    ftruncateSync(fd, at);
    for (let done = 0; done < page.length; ) done += writeSync(fd, page, done);
  }
  ftruncateSync(fd, size);
}
