import type { FileTree } from '../../src/core/file-tree.ts';
import type { MarkspacePolicy } from '../policy.ts';

/** Why a tree was refused. */
export interface Refusal {
  readonly rule: string;
  readonly message: string;
}

/** What a rule looks at. Content rules concern new and changed files only. */
export interface Candidate {
  readonly parent: FileTree;
  readonly child: FileTree;
  /** Paths of `child` that are new or differ from the parent's, sorted. */
  readonly changed: readonly string[];
  readonly policy: MarkspacePolicy;
}

/** A pure check of a whole tree: the first problem found, or `null`. */
export type Rule = (candidate: Candidate) => Refusal | null;
