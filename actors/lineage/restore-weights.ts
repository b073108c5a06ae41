import type { Rollback, ServedWeights } from '../../src/core/records.ts';
import type { StepInput } from './lineage-machine.ts';
import { header, type LineagePorts } from './lineage-ports.ts';
import { ancestor, weightsFor } from './lineage-state.ts';

/**
 * Puts the weights of generation `to` into service instead of those that a
 * child of `from` would begin with, where there are weights and they differ. A
 * trainer that cannot do it leaves in service what was there.
 * @returns the weights to go on with; `null` where there was nothing to do.
 */
export async function restoreWeights(
  ports: LineagePorts,
  input: StepInput,
  { from, to }: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<{ readonly is: NonNullable<Rollback['weights']>; readonly weights: ServedWeights } | null> {
  const { state } = input;
  const [good, current] = [ancestor(state, to).weights, weightsFor(state, ancestor(state, from))];
  if (good === null || current === null || good.adapter.id === current.adapter.id) return null;
  const request = { kind: 'roll-back' as const, ...header(input), to: good.adapter, from: current.adapter, share: 0 };
  const answer = await ports.ask('trainer', request, signal);
  if (answer.status === 'failed') return { is: 'kept', weights: current };
  return { is: 'restored', weights: { adapter: answer.adapter, model: answer.model } };
}
