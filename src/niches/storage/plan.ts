import { type RandomStream, randomStream } from '../../core/random.ts';
import { type ContentKind, contentOf, sizeOf } from './content.ts';
import { contentOfExtension, type Family, type FamilyName, families, type Habitat, places } from './families.ts';

/** A volume gives space away in pages. */
export const pageBytes = 4_096;
const mib = 2 ** 20;

/** Below this path everything is the world's. */
export interface PlannedDirectory {
  readonly path: string;
  /** Permission bits: 0o755, or 0o555 for one that is closed to writing. */
  readonly mode: number;
}

export interface PlannedFile {
  readonly path: string;
  readonly mode: number;
  /** At the world's birth. */
  readonly ageSeconds: number;
  /** Apparent size in bytes. */
  readonly size: number;
  /** What it is made of; `null` for a hole, which takes no space. */
  readonly content: { readonly kind: ContentKind; readonly offset: number } | null;
  /** A process has it open for as long as the world lives. */
  readonly isHeld: boolean;
  /** Its service does not answer without it, whole and unchanged. */
  readonly isVital: boolean;
}

export interface WorldPlan {
  readonly family: FamilyName;
  readonly seed: number;
  readonly difficulty: number;
  readonly capacityBytes: number;
  readonly directories: readonly PlannedDirectory[];
  readonly files: readonly PlannedFile[];
  /** Second names of files above. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  /** What lies on the system's own, read-only device. */
  readonly system: readonly { readonly path: string; readonly size: number; readonly ageSeconds: number }[];
  readonly ownLog: string;
  /** What the service appends to its log after each command. */
  readonly growthBytes: number;
}

export interface PlanOptions {
  readonly family: FamilyName;
  readonly seed: number;
  /** From 0, where nearly everything may be changed, to 1: closed directories, read-only and held files, a full disk. Default 0.5. */
  readonly difficulty?: number;
  /** Of the world's volume. Default 4. */
  readonly capacityMiB?: number;
}

/** A world on paper: a pure function of its options. @throws {RangeError} for a difficulty outside 0 to 1 or a capacity below 1 MiB. */
export function planWorld({ family: name, seed, difficulty = 0.5, capacityMiB = 4 }: PlanOptions): WorldPlan {
  if (!(difficulty >= 0 && difficulty <= 1)) throw new RangeError(`difficulty is ${difficulty}, not from 0 to 1`);
  if (!(capacityMiB >= 1)) throw new RangeError(`a volume of ${capacityMiB} MiB is below 1 MiB`);
  const random = randomStream(seed, 'storage', name);
  const family: Family = families[name];
  const draft = new Draft(random, difficulty);
  for (const habitat of family.habitats) draft.settle(habitat);
  const lead = 0.3 + 0.7 * random.next();
  for (const { path, weight } of family.vital) draft.vital(`${places.root}/${path}`, weight * lead);
  draft.ownLog(`${places.root}/${family.ownLog}`);
  if (random.next() < 0.35) draft.hole(`${places.root}/var/backups/disk.bin`);
  const capacityBytes = capacityMiB * mib;
  const fill = 0.78 + 0.17 * difficulty * (0.5 + 0.5 * random.next());
  return {
    ...{ family: name, seed, difficulty, capacityBytes },
    ...draft.finish(capacityBytes * fill, capacityBytes),
    ownLog: `${places.root}/${family.ownLog}`,
    growthBytes: pageBytes * (1 + random.int(1 + Math.round(2 * difficulty))),
  };
}

/** The bytes of a planned file; empty for a hole. */
export function bytesOf(file: PlannedFile): Buffer {
  return file.content === null ? Buffer.alloc(0) : contentOf(file.content.kind, file.content.offset, file.size);
}

/** What a file of `size` bytes takes from its volume. */
export function pagesOf(size: number): number {
  return Math.ceil(size / pageBytes) * pageBytes;
}

interface DraftFile extends Omit<PlannedFile, 'size' | 'content'> {
  readonly weight: number;
  readonly kind: ContentKind;
}

class Draft {
  readonly #random: RandomStream;
  readonly #difficulty: number;
  readonly #directories = new Map<string, number>();
  readonly #files: DraftFile[] = [];
  readonly #holes: PlannedFile[] = [];
  readonly #links: { path: string; target: string }[] = [];
  readonly #taken = new Set<string>();

  constructor(random: RandomStream, difficulty: number) {
    this.#random = random;
    this.#difficulty = difficulty;
  }

  settle(habitat: Habitat): void {
    const random = this.#random;
    const [least, most] = habitat.files;
    this.#open(habitat.path, habitat.guarded);
    const wanted = least + random.int(most - least + 1);
    for (let i = 0; i < wanted; i += 1) {
      const directory = this.#descend(habitat);
      const path = this.#freshPath(directory, random.pick(habitat.names), random.pick(habitat.extensions));
      const extension = path.slice(path.lastIndexOf('.') + 1);
      const isHeld = random.next() < habitat.held;
      const [youngest, oldest] = habitat.ageDays;
      this.#files.push({
        ...{ path, isHeld, isVital: false },
        mode: random.next() < 0.08 + 0.5 * this.#difficulty ? 0o444 : 0o644,
        ageSeconds: Math.round(86_400 * youngest * (oldest / youngest) ** random.next()),
        weight: 2 ** (6 * random.next()),
        kind: contentOfExtension[extension]!,
      });
      // The second name waits elsewhere, so that neither of two paths alone gives anything back.
      if (!isHeld && random.next() < habitat.linked) {
        const elsewhere = random.pick([...this.#directories.keys()].filter((other) => other !== directory));
        this.#links.push({ path: this.#freshPath(elsewhere, 'copy', extension), target: path });
      }
    }
  }

  vital(path: string, weight: number): void {
    this.#open(path.slice(0, path.lastIndexOf('/')), 0.5);
    this.#taken.add(path);
    const kind = contentOfExtension[path.slice(path.lastIndexOf('.') + 1)]!;
    const ageSeconds = Math.round(86_400 * 30 * this.#random.next());
    this.#files.push({ path, mode: 0o644, ageSeconds, isHeld: false, isVital: true, weight, kind });
  }

  ownLog(path: string): void {
    this.#taken.add(path);
    const weight = 2 ** (5 * this.#random.next());
    this.#files.push({ path, mode: 0o644, ageSeconds: 5, isHeld: true, isVital: false, weight, kind: 'log' });
  }

  hole(path: string): void {
    this.#taken.add(path);
    const size = mib * (1 + this.#random.int(3));
    const ageSeconds = 86_400 * (1 + this.#random.int(300));
    this.#holes.push({ path, mode: 0o644, ageSeconds, size, content: null, isHeld: false, isVital: false });
  }

  finish(targetBytes: number, capacityBytes: number) {
    const random = this.#random;
    const total = this.#files.reduce((sum, { weight }) => sum + weight, 0);
    const files = this.#files.map(({ weight, kind, ...file }): PlannedFile => {
      // A page at the least is kept back for rounding up, so that the target is never passed.
      const share = (targetBytes * weight) / total - pageBytes;
      const size = sizeOf(kind, Math.max(1_200, Math.floor(share) - random.int(pageBytes)));
      return { ...file, size, content: { kind, offset: random.int(mib) } };
    });
    const directories = [...this.#directories].map(([path, mode]) => ({ path, mode }));
    const system = Array.from({ length: random.int(3) }, (_, i) => ({
      path: `${places.system}/${random.pick(['share/icons', 'lib/modules', 'share/doc'])}/${['base', 'data', 'pack', 'index', 'extra'][i]}.${random.pick(['bin', 'jar', 'db'])}`,
      size: Math.min(capacityBytes, Math.round(random.pick(files).size * 2 ** (1.5 * random.next()))),
      ageSeconds: 86_400 * (100 + random.int(500)),
    }));
    return { directories, files: [...files, ...this.#holes], links: this.#links, system };
  }

  /** Makes a directory and all above it known; the last one may be closed to writing. */
  #open(path: string, guarded: number): void {
    const parts = path.split('/');
    for (let i = 2; i <= parts.length; i += 1) {
      const directory = parts.slice(0, i).join('/');
      if (directory === places.root || directory === places.temporary || this.#directories.has(directory)) continue;
      const isClosed = i === parts.length && this.#random.next() < guarded * (0.04 + 0.4 * this.#difficulty);
      this.#directories.set(directory, isClosed ? 0o555 : 0o755);
    }
  }

  #descend(habitat: Habitat): string {
    let path = habitat.path;
    const levels = habitat.depth === 0 ? 0 : this.#random.int(habitat.depth + 1);
    for (let i = 0; i < levels; i += 1) path += `/${this.#random.pick(['00', '3f', 'a7', 'old', '2024'])}`;
    this.#open(path, habitat.guarded);
    return path;
  }

  #freshPath(directory: string, name: string, extension: string): string {
    let path = `${directory}/${name}.${extension}`;
    for (let i = 2; this.#taken.has(path); i += 1) path = `${directory}/${name}-${i}.${extension}`;
    this.#taken.add(path);
    return path;
  }
}
