import type { TreeLimits } from '../src/core/file-tree.ts';

export interface Visibility {
  readonly train: boolean;
  readonly selection: boolean;
  /** The selection score that a peer published, in its `metadata.json`. */
  readonly peerScores: boolean;
}

/** What the guard allows. Set by the runtime from the experiment; nothing in a sandbox can change it. */
export interface MarkspacePolicy {
  readonly genome: TreeLimits & {
    /** Lines one generation may add in all; a long line counts once per begun 200 bytes. */
    readonly maxGrowthLines: number;
  };
  /**
   * Scopes that every lineage may read, with everything below them. The
   * runtime empties this list in arms where peers are invisible.
   */
  readonly openScopes: readonly string[];
  /** Files that are not UTF-8 text, when they are new or changed. */
  readonly binaryFiles: 'allow' | 'refuse';
  /** An executable bit the parent's file did not have. `clear` takes it off again. */
  readonly executableBit: 'allow' | 'clear' | 'refuse';
  /** Texts that must not appear in a genome, such as the run's own keys, plain or in hexadecimal or base64. Never recorded. */
  readonly forbiddenTexts: readonly string[];
  /** Which evaluation signals lineages see. The run has one such object, and everybody who shows anything asks it. */
  readonly visibility: Visibility;
}

export const defaultPolicy: MarkspacePolicy = Object.freeze({
  genome: { maxFiles: 200, maxBytes: 1_048_576, maxFileBytes: 262_144, maxGrowthLines: 2_000 },
  openScopes: ['strategies'],
  binaryFiles: 'refuse',
  executableBit: 'refuse',
  forbiddenTexts: [],
  visibility: Object.freeze({ train: true, selection: false, peerScores: true }),
});
