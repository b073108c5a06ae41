import type { EditProvenance } from '../../actors/meta-agent/create-meta-agent.ts';
import type { ExperimentConfig } from '../core/config/experiment-schema.ts';
import { textOf } from '../core/file-tree.ts';
import type { GenomeId } from '../core/ids.ts';
import type { StrategyRef } from '../core/messages.ts';
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
  /** Genomes of the lineage's generations so far, oldest first. */
  readonly history: () => readonly GenomeId[];
}

/** Opens the record of what reaches one generation; the lines a lineage ever had are kept between generations. */
export function createProvenance(
  options: ProvenanceOptions,
): (snapshot: readonly StrategyRef[]) => Promise<EditProvenance> {
  const ancestry = createLineSet();
  let known = 0;
  const growAncestry = async () => {
    const history = options.history();
    for (; known < history.length; known += 1) ancestry.addTree(await options.genomes.get(history[known]!));
  };
  return async (snapshot) => {
    if (!options.isTransfer || snapshot.length === 0) return noTransfer;
    await growAncestry();
    return openRecord(options, snapshot, ancestry);
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
