import type { EditProvenance } from '../../actors/meta-agent/create-meta-agent.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import { textOf } from '../core/file-tree.ts';
import type { GenomeId } from '../core/ids.ts';
import type { StrategyRef } from '../core/records.ts';
import type { GenomeStore } from '../lineage/lineage.ts';
import {
  createLineSet,
  createReadTracker,
  detectAdoption,
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
  // Parents change rarely, so the lines of the last one's ancestors are kept.
  let latest: { readonly parent: number; readonly lines: LineSet } | null = null;
  const linesBefore = async (parent: number): Promise<LineSet> => {
    if (latest?.parent === parent) return latest.lines;
    const lines = createLineSet();
    for (let at: number | null = parent; at !== null; ) {
      const ancestor: { readonly parent: number | null; readonly genome: GenomeId } = generations.get(at)!;
      lines.addTree(await genomes.get(ancestor.genome));
      at = ancestor.parent;
    }
    latest = { parent, lines };
    return lines;
  };
  return async (parent, snapshot) => {
    if (!options.isTransfer || snapshot.length === 0) return noTransfer;
    return openRecord(options, snapshot, await linesBefore(parent));
  };
}

const noTransfer: EditProvenance = { see: () => {}, conclude: async () => ({ reads: [], adoption: null }) };

async function openRecord(
  { genomes, policy }: ProvenanceOptions,
  snapshot: readonly StrategyRef[],
  ancestry: LineSet,
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
      const tracker = createReadTracker(files, parent);
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
      return { reads: reads.filter((r) => r.shareInModel > 0 || r.shareInTree > 0), adoption };
    },
  };
}
