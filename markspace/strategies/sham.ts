import { randomStream } from '../../src/core/random.ts';
import { shamJavaScript } from './sham-javascript.ts';
import { shamBinary, shamJson, shamText } from './sham-text.ts';

/** Whose file it stands for; together with the seed it names the randomness. */
export interface ShamSource {
  readonly seed: number;
  readonly lineage: string;
  readonly generation: number;
  readonly path: string;
}

/**
 * A useless file in place of a peer's: as many bytes, the same lines, the
 * same kind of content, nothing to learn from. Every reader gets the same
 * bytes under the same seed.
 */
export function shamFile(bytes: Uint8Array, source: ShamSource): Uint8Array {
  const { seed, lineage, generation, path } = source;
  const random = () => randomStream(seed, 'sham', lineage, generation, path);
  const text = textWithMark(bytes);
  if (text === null) return shamBinary(bytes, random());
  const made = new TextEncoder().encode(shamOf(text, path, random));
  if (made.byteLength === bytes.byteLength) return made;
  // A replacement that is not as long would tell sham from real; noise of the right length does not.
  return shamBinary(bytes, random());
}

function shamOf(text: string, path: string, random: () => ReturnType<typeof randomStream>): string {
  if (/\.[cm]?js$/i.test(path)) return shamJavaScript(text, random()) ?? shamText(text, path, random());
  if (/\.json$/i.test(path)) return shamJson(text, random()) ?? shamText(text, path, random());
  return shamText(text, path, random());
}

/** Text with its byte-order mark, which `textOf` would drop, or `null` for bytes that are no text. */
function textWithMark(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
