/** What git holds in place of a large file. */
export interface LfsPointer {
  /** SHA-256 of the file, in hexadecimal: the name of its object. */
  readonly oid: string;
  readonly bytes: number;
}

const version = 'version https://git-lfs.github.com/spec/v1';

/** @see git-lfs, docs/spec.md: keys sorted after `version`, one line feed after each. */
export function encodePointer({ oid, bytes }: LfsPointer): Uint8Array {
  return new TextEncoder().encode(`${version}\noid sha256:${oid}\nsize ${bytes}\n`);
}

/** A pointer is shorter than this; anything longer is a file. */
export const maxPointerBytes = 1_024;

/** @returns `null` for bytes that are no pointer. */
export function decodePointer(bytes: Uint8Array): LfsPointer | null {
  if (bytes.byteLength >= maxPointerBytes) return null;
  const [, oid, size] = pointerShape.exec(Buffer.from(bytes).toString('latin1')) ?? [];
  return oid === undefined ? null : { oid, bytes: Number(size) };
}

const pointerShape = new RegExp(`^${version}\noid sha256:([0-9a-f]{64})\nsize (0|[1-9]\\d{0,14})\n$`);
