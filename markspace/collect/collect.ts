import { type FileTree, sortTree, type TreeFile } from '../../src/core/file-tree.ts';
import type { Collected, CollectRequest } from '../markspace.ts';
import type { MarkspacePolicy } from '../policy.ts';
import { binaryRule, executableRule, isNewlyExecutable, secretRule } from './content-rules.ts';
import { pathRule, reservedPathRule } from './path-rules.ts';
import type { Candidate, Rule } from './rule.ts';
import { fileCountRule, fileSizeRule, fileTypeRule, growthRule, totalSizeRule } from './size-rules.ts';

/** In this order: each rule may rely on the ones before it. */
const rules: readonly Rule[] = [
  fileCountRule,
  pathRule,
  reservedPathRule,
  fileTypeRule,
  fileSizeRule,
  totalSizeRule,
  growthRule,
  binaryRule,
  executableRule,
  secretRule,
];

/** Decides about a genome that came out of a sandbox. Pure: the same trees give the same verdict. */
export function collectTree({ parent, child }: CollectRequest, policy: MarkspacePolicy): Collected {
  let candidate: Candidate = { parent, child, changed: [], policy };
  for (const rule of rules) {
    const refusal = rule(candidate);
    if (refusal !== null) return { allowed: false, ...refusal };
    if (rule === fileTypeRule) candidate = { ...candidate, changed: changedPaths(parent, child, child.keys()) };
  }
  const tree = cleanTree(candidate);
  return { allowed: true, tree, changedFiles: changedPaths(parent, tree, [...parent.keys(), ...tree.keys()]) };
}

/** A tree of its own: later changes of the caller's map or buffers do not reach it. */
function cleanTree(candidate: Candidate): FileTree {
  const files = [...candidate.child].map(([path, file]): [string, TreeFile] => {
    const isCleared = candidate.policy.executableBit === 'clear' && isNewlyExecutable(candidate, path);
    return [path, { bytes: file.bytes.slice(), isExecutable: file.isExecutable && !isCleared }];
  });
  return sortTree(files);
}

function changedPaths(parent: FileTree, child: FileTree, among: Iterable<string>): string[] {
  return [...new Set(among)].filter((path) => !isSame(parent.get(path), child.get(path))).sort();
}

function isSame(a: TreeFile | undefined, b: TreeFile | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.isExecutable === b.isExecutable && Buffer.compare(a.bytes, b.bytes) === 0;
}
