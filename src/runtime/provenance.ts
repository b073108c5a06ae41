import type { EditProvenance } from '../../actors/meta-agent/create-meta-agent.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import { type FileTree, textOf } from '../core/file-tree.ts';
import type { GenomeId } from '../core/ids.ts';
import type { Read, StrategyRef } from '../core/records.ts';
import type { GenomeStore } from '../lineage/lineage.ts';
import {
  createGramSet,
  createLineSet,
  createReadTracker,
  detectAdoption,
  type GramSet,
  type LineSet,
  type PeerFile,
  shareInTree,
} from '../lineage/provenance.ts';

export interface ProvenanceOptions {
  readonly genomes: GenomeStore;
  readonly policy: ExperimentConfig['adoption'];
  /** Whether what is shown really is the peers' code; only then can there be an adoption. */
  readonly isTransfer: boolean;
  /** The lineage's generations so far, by number. */
  readonly generations: ReadonlyMap<number, { readonly parent: number | null; readonly genome: GenomeId }>;
}

/** Opens the record of what reaches one generation. */
export function createProvenance(
  options: ProvenanceOptions,
): (parent: number, snapshot: readonly StrategyRef[]) => Promise<EditProvenance> {
  const { genomes, generations } = options;
  // Parents change rarely, and mostly to a child: what its ancestors said is kept, and added to.
  let latest: Ancestry | null = null;
  const ancestryOf = async (parent: number): Promise<Ancestry> => {
    if (latest?.parent === parent) return latest;
    const fresh: GenomeId[] = [];
    let at: number | null = parent;
    while (at !== null && at !== latest?.parent) {
      const ancestor: { readonly parent: number | null; readonly genome: GenomeId } = generations.get(at)!;
      fresh.push(ancestor.genome);
      at = ancestor.parent;
    }
    const { lines, grams } =
      at === null || latest === null ? { lines: createLineSet(), grams: createGramSet() } : latest;
    for (const genome of fresh) {
      const tree = await genomes.get(genome);
      lines.addTree(tree);
      grams.addTree(tree);
    }
    latest = { parent, lines, grams };
    return latest;
  };
  return async (parent, snapshot) => {
    if (!options.isTransfer || snapshot.length === 0) return noTransfer;
    return openRecord(options, snapshot, await ancestryOf(parent));
  };
}

/** All that a generation's own lineage has said before it. */
interface Ancestry {
  readonly parent: number;
  readonly lines: LineSet;
  readonly grams: GramSet;
}

const noTransfer: EditProvenance = { see: () => {}, conclude: async () => ({ reads: [], adoption: null }) };

async function openRecord(
  { genomes, policy }: ProvenanceOptions,
  snapshot: readonly StrategyRef[],
  { lines: ancestry, grams }: Ancestry,
): Promise<EditProvenance> {
  const peers = await Promise.all(snapshot.map(async (ref) => ({ ref, tree: await genomes.get(ref.genome) })));
  const files = peers.flatMap(({ ref, tree }) =>
    [...tree].flatMap(([path, file]): PeerFile[] => {
      const text = textOf(file.bytes);
      return text === null ? [] : [{ peer: ref.lineage, generation: ref.generation, commit: ref.commit, path, text }];
    }),
  );
  const seen: string[] = [];
  return {
    see: (texts) => seen.push(...texts),
    async conclude(parent, child) {
      const tracker = createReadTracker(files, grams);
      for (const text of new Set(seen)) tracker.see(text);
      const reads = tracker
        .shares()
        .map((share, i) => ({ ...share, shareInTree: shareInTree(files[i]!.text, child, ancestry) }));
      const reached = (ref: StrategyRef) => reads.some((r) => r.peer === ref.lineage && r.shareInModel > 0);
      const adoption = detectAdoption({
        child,
        parent,
        ancestry,
        peers: peers.map((peer) => ({ ...peer, reached: reached(peer.ref) })),
        minLines: policy.minLines,
        minShare: policy.minShare,
      });
      const told = reads.filter((r) => r.shareInModel > 0 || r.shareInTree > 0);
      const isTold = adoption === null || told.some(({ commit }) => commit === adoption.from.commit);
      // What was adopted did reach it, however little of the peer's files that is.
      return { reads: isTold ? told : [...told, ...takenFrom(adoption.from, files, child, ancestry)], adoption };
    },
  };
}

function takenFrom({ commit }: StrategyRef, files: readonly PeerFile[], child: FileTree, ancestry: LineSet): Read[] {
  return files
    .filter((file) => file.commit === commit)
    .map(({ text, ...file }) => ({ ...file, shareInModel: 0, shareInTree: shareInTree(text, child, ancestry, 1) }))
    .filter((read) => read.shareInTree > 0);
}
