import type { AdapterId } from './ids.ts';
import { canonicalJson, sha256 } from './json.ts';

/** Where a generation's weights lie in its commit. No genome may have files there. */
export const adapterFolder = 'adapter';

/** The files of an adapter's directory: PEFT's two, and what is needed to go on from it. */
export const adapterFiles = {
  config: 'adapter_config.json',
  weights: 'adapter_model.safetensors',
  /** What it was made from, by hash, and how the training went. */
  provenance: 'provenance.json',
  /** The optimiser's moments after the last step. */
  optimizer: 'optimizer.safetensors',
  /** The examples it was trained on, a JSON document a line. */
  replay: 'replay.jsonl',
} as const;

/** The id is made of the SHA-256 of configuration and weights alone: whoever trained them, equal adapters are one. */
export function adapterIdOf(hashes: { readonly config: string; readonly weights: string }): AdapterId {
  const { config, weights } = adapterFiles;
  return sha256(canonicalJson({ [config]: hashes.config, [weights]: hashes.weights })) as AdapterId;
}
