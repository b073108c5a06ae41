import type { Markspace } from '../../markspace/markspace.ts';
import { armLineages, circlesOf } from '../core/config/arm-lineages.ts';
import { arms } from '../core/config/arms.ts';
import type { LineageId } from '../core/ids.ts';
import type { StrategyRef } from '../core/records.ts';
import type { GenomeStore } from '../lineage/lineage.ts';
import { openDonation } from './donated-strategies.ts';
import type { RunManifest } from './run-directory.ts';

/** What a run's `strategies/` are made of, by its arm. */
export interface RoundStrategies {
  /** Taken once a round, before anybody moves. */
  readonly snapshot: (round: number) => readonly StrategyRef[];
  /** What of it a lineage is shown. */
  readonly shownTo: (lineage: LineageId, snapshot: readonly StrategyRef[]) => readonly StrategyRef[];
  /** Whether a strategy is one that another run lends; `null` where none does. */
  readonly isLent: ((ref: StrategyRef) => boolean) | null;
}

/**
 * @param dir - The run's; what another run lends is copied there first.
 * @throws {RunNotFoundError} where the run that lends is not there, or not at its end.
 */
export async function openRoundStrategies(
  dir: string,
  manifest: RunManifest,
  genomes: GenomeStore,
  markspace: () => Markspace,
): Promise<RoundStrategies> {
  const { strategies } = arms[manifest.arm];
  const circles = circlesOf(armLineages(manifest.config, manifest.arm), manifest.arm);
  const shownTo: RoundStrategies['shownTo'] = (lineage, snapshot) =>
    snapshot.filter((ref) => ref.lineage !== lineage && circles.get(ref.lineage) === circles.get(lineage));
  if (strategies === 'none') return { snapshot: () => [], shownTo, isLent: null };
  if (strategies !== 'shuffled') return { snapshot: () => markspace().snapshot(), shownTo, isLent: null };
  const donation = await openDonation(dir, manifest, genomes);
  return { snapshot: donation.at, shownTo, isLent: donation.has };
}
