const partCount = 64;

/**
 * A map from ids, in parts: a `Map` moves all its entries whenever it grows or
 * shrinks, and a million of them keep everybody waiting for a tenth of a second.
 */
export class IdMap<T> implements Iterable<[id: string, value: T]> {
  readonly #parts = Array.from({ length: partCount }, () => new Map<string, T>());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: string): T | undefined {
    return this.#partOf(id).get(id);
  }

  has(id: string): boolean {
    return this.#partOf(id).has(id);
  }

  set(id: string, value: T): void {
    const part = this.#partOf(id);
    const before = part.size;
    part.set(id, value);
    this.#size += part.size - before;
  }

  delete(id: string): void {
    if (this.#partOf(id).delete(id)) this.#size -= 1;
  }

  *[Symbol.iterator](): Iterator<[string, T]> {
    for (const part of this.#parts) yield* part;
  }

  /** Counters and hashes differ in their last characters. */
  #partOf(id: string): Map<string, T> {
    const end = id.length;
    return this.#parts[(31 * id.charCodeAt(end - 1) + id.charCodeAt(end - 2)) % partCount] ?? this.#parts[0]!;
  }
}
