import { type FileTree, textOf } from '../core/file-tree.ts';
import { gramsOf } from './fingerprints.ts';

/** Every run of six tokens that has occurred. */
export interface GramSet {
  has(gram: number): boolean;
  addTree(tree: FileTree): void;
}

export function createGramSet(...trees: readonly FileTree[]): GramSet {
  const grams = new Set<number>();
  const addTree = (tree: FileTree) => {
    for (const file of tree.values()) for (const gram of gramsOf(textOf(file.bytes) ?? '')) grams.add(gram);
  };
  for (const tree of trees) addTree(tree);
  return { has: (gram) => grams.has(gram), addTree };
}
