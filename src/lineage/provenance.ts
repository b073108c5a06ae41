import type { FileTree } from '../core/file-tree.ts';
import type { CommitId, LineageId } from '../core/ids.ts';
import type { StrategyRef } from '../core/records.ts';
import { fingerprint, gramsOf } from './fingerprints.ts';
import type { GramSet } from './gram-set.ts';
import { createLineSet, type LineSet, linesOf, linesOfTree } from './line-set.ts';

export { fingerprint } from './fingerprints.ts';
export { createGramSet, type GramSet } from './gram-set.ts';
export { createLineSet, type LineSet } from './line-set.ts';

/**
 * From which share on a file counts as read or as taken. Two programs for one
 * task have idioms in common that neither took from the other; one of those,
 * some twenty tokens, is a ninth of a file of a dozen lines, and reaches this
 * share only in files of fewer than nine.
 */
const smallestShare = 0.15;
/** However large the file is: so many fingerprints are about a hundred tokens in a row, far longer than any idiom. */
const enoughPrints = 40;
/** As many lines as such a hundred tokens make. */
const enoughLines = 8;

/** One file of a peer's strategy that an agent could have read. */
export interface PeerFile {
  readonly peer: LineageId;
  readonly generation: number;
  readonly commit: CommitId;
  readonly path: string;
  readonly text: string;
}

export interface ReadShare extends Omit<PeerFile, 'text'> {
  /** Share in [0, 1] of the file's own fingerprints that passed; 0 where they are too few to tell. */
  readonly shareInModel: number;
}

export interface ReadTracker {
  /** Takes note of a text that passed on its way to a model. */
  see(text: string): void;
  /** One entry for each file, in the order given. */
  shares(): ReadShare[];
}

/**
 * Watches what passes for pieces of the peers' files.
 * @param known - What the agent's own ancestry has said. What peers have in
 *   common with it, such as the seed of both or what a grandparent wrote and
 *   a parent dropped, cannot say who was read and is left out.
 */
export function createReadTracker(files: readonly PeerFile[], known?: GramSet): ReadTracker {
  const prints = files.map((file) => [...fingerprint(file.text)].filter((print) => known?.has(print) !== true));
  const wanted = new Set(prints.flat());
  const seen = new Set<number>();
  return {
    see(text) {
      // Every gram, not only the winnowed: next to other text another one of a window may be the smallest.
      for (const gram of gramsOf(text)) if (wanted.has(gram)) seen.add(gram);
    },
    shares: () =>
      files.map(({ text: _, ...file }, i) => ({
        ...file,
        shareInModel: shareOf(prints[i]!, (print) => seen.has(print), enoughPrints),
      })),
  };
}

/**
 * Share in [0, 1] of a peer's lines that are in the tree; 0 where they are too few to tell.
 * @param known - Lines that prove nothing because the agent's own ancestry has them; left out.
 * @param enough - So many tell, whatever share they are. Default 8.
 */
export function shareInTree(peerText: string, childTree: FileTree, known?: LineSet, enough = enoughLines): number {
  const child = createLineSet(childTree);
  const lines = [...new Set(linesOf(peerText))].filter((line) => known?.has(line) !== true);
  return shareOf(lines, (line) => child.has(line), enough);
}

export interface AdoptionQuestion {
  readonly child: FileTree;
  readonly parent: FileTree;
  /** Every line the child's own lineage has ever had. */
  readonly ancestry: LineSet;
  readonly peers: readonly PeerStrategy[];
  /** At least so many different lines, and */
  readonly minLines: number;
  /** this share in [0, 1] of the lines the child added. */
  readonly minShare: number;
}

export interface PeerStrategy {
  readonly ref: StrategyRef;
  readonly tree: FileTree;
  /**
   * Whether it reached the model. One that did not can still have been copied
   * as a file; then only lines in a block of at least `minLines` in the
   * peer's order count, because single lines coincide.
   */
  readonly reached: boolean;
}

export interface Adoption {
  readonly from: StrategyRef;
  /** Different lines that came from the peer. */
  readonly lines: number;
  /** Their share of the different lines that the child added. */
  readonly share: number;
}

/**
 * Whose code the child took: the peer with the most lines among those the
 * child added, that are in the peer's tree and were never in the child's own
 * ancestry. Of equals the first lineage by id, then the earlier generation.
 */
export function detectAdoption(question: AdoptionQuestion): Adoption | null {
  const { child, parent, ancestry, peers, minLines, minShare } = question;
  const before = createLineSet(parent);
  const files = linesOfTree(child);
  const added = new Set(files.flat().filter((line) => !before.has(line)));
  const isNew = (line: number) => added.has(line) && !ancestry.has(line);
  const found = peers.map(({ ref, tree, reached }): Adoption => {
    const theirs = linesOfTree(tree);
    const taken = reached ? shared(files, theirs, isNew) : copiedBlocks(files, theirs, isNew, minLines);
    return { from: ref, lines: taken.size, share: added.size === 0 ? 0 : taken.size / added.size };
  });
  const enough = found.filter(({ lines, share }) => lines > 0 && lines >= minLines && share >= minShare);
  return enough.sort(byLinesThenLineage)[0] ?? null;
}

function shared(files: number[][], theirs: number[][], isNew: (line: number) => boolean): Set<number> {
  const peer = new Set(theirs.flat());
  return new Set(files.flat().filter((line) => isNew(line) && peer.has(line)));
}

/** The new lines of blocks that stand in the peer's files as they do here, with at least `minLines` new ones each. */
function copiedBlocks(
  files: number[][],
  theirs: number[][],
  isNew: (line: number) => boolean,
  minLines: number,
): Set<number> {
  const peer = new Set(theirs.flat());
  const follows = new Set(theirs.flatMap((file) => file.slice(1).map((line, i) => `${file[i]} ${line}`)));
  const taken = new Set<number>();
  for (const file of files) {
    let run: number[] = [];
    const endRun = () => {
      // Lines known before hold a block together, but prove nothing themselves.
      const fresh = new Set(run.filter(isNew));
      if (fresh.size >= minLines) for (const line of fresh) taken.add(line);
      run = [];
    };
    for (const line of file) {
      if (run.length > 0 && !follows.has(`${run.at(-1)} ${line}`)) endRun();
      if (peer.has(line)) run.push(line);
    }
    endRun();
  }
  return taken;
}

function byLinesThenLineage(a: Adoption, b: Adoption): number {
  if (a.lines !== b.lines) return b.lines - a.lines;
  if (a.from.lineage !== b.from.lineage) return a.from.lineage < b.from.lineage ? -1 : 1;
  return a.from.generation - b.from.generation;
}

function shareOf<T>(items: readonly T[], isThere: (item: T) => boolean, enough: number): number {
  const there = items.filter(isThere).length;
  return there >= Math.min(enough, smallestShare * items.length) ? there / Math.max(1, items.length) : 0;
}
