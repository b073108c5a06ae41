/** Something of a foreign tree that could not be imported, or is not there. The rest is imported. */
export interface Missing {
  /** Relative to what was imported; bytes that are not UTF-8 are written `\xNN`. */
  readonly path: string;
  readonly what: string;
}

/** Collects what is missing, in the order it was found; beyond `listed` it only counts. What is told twice is kept once. */
export interface MissingList {
  add(path: string, what: string): void;
  readonly entries: readonly Missing[];
  readonly total: number;
}

/** What a report shows of one kind of trouble is bounded, however many files have it. */
const listed = 1_000;

export function createMissingList(): MissingList {
  const entries: Missing[] = [];
  const told = new Set<string>();
  let total = 0;
  return {
    entries,
    get total() {
      return total;
    },
    add(path, what) {
      if (told.has(`${path}\0${what}`)) return;
      total += 1;
      if (entries.length >= listed) return;
      told.add(`${path}\0${what}`);
      entries.push({ path, what });
    },
  };
}
