import type { TreeLimits } from '../src/core/file-tree.ts';

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
  /** Whether a peer's `metadata.json` shows the selection score it published. */
  readonly showPeerScores: boolean;
}

export const defaultPolicy: MarkspacePolicy = Object.freeze({
  genome: { maxFiles: 200, maxBytes: 1_048_576, maxFileBytes: 262_144, maxGrowthLines: 2_000 },
  openScopes: ['strategies'],
  binaryFiles: 'refuse',
  executableBit: 'refuse',
  forbiddenTexts: [],
  showPeerScores: true,
});
