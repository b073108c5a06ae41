import { type ShamSource, shamFile } from '../../markspace/strategies/sham.ts';

export function sourceOf(path: string, seed = 1): ShamSource {
  return { seed, lineage: 'b', generation: 3, path };
}

export function toText(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

export function sham(text: string, path: string, seed = 1): string {
  return toText(shamFile(new TextEncoder().encode(text), sourceOf(path, seed)));
}
