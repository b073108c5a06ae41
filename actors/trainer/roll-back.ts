import type { StoredAdapter } from '../../src/lineage/lineage.ts';
import { bringBack, keepAndServe, type Placing, type WeightsInService, type WeightsPorts } from './weights.ts';

export interface RollBack extends Placing {
  /** The last good one. */
  readonly to: StoredAdapter;
  /** The one that is refused. */
  readonly from: StoredAdapter;
  /** How much of the refused one stays: 0 is a hard rollback; above, weights are interpolated as `Trainer.blend` says. */
  readonly share: number;
}

/**
 * Puts the last good weights back into service, and the optimiser's state and
 * the examples of the last good training beside them: none of the three goes
 * back alone. A soft rollback differs in the weights only.
 *
 * @throws {WeightsInvalidError} naming what is damaged, missing, or of another base or rank. What was in service stays.
 * @throws {ModelFailedError} when the weights do not answer their probe. What was in service stays.
 */
export async function rollBack(
  ports: WeightsPorts,
  { to, from, share, lineage, generation }: RollBack,
  signal: AbortSignal,
): Promise<WeightsInService> {
  const good = await bringBack(ports, to);
  const adapter =
    share === 0 ? good : await ports.trainer.blend({ good, current: await bringBack(ports, from), share });
  return keepAndServe(ports, adapter, { lineage, generation }, signal);
}
