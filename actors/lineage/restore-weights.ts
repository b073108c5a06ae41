import type { Generation, Rollback } from '../../src/core/records.ts';
import type { StepInput } from './lineage-machine.ts';
import { header, type LineagePorts } from './lineage-ports.ts';
import { ancestor } from './lineage-state.ts';

/**
 * Puts the weights of generation `to` back into service, where the lineage
 * has weights and these are not the ones in use. A trainer that cannot do it
 * leaves in service what was there.
 * @returns `null` where there was nothing to do.
 */
export async function restoreWeights(
  ports: LineagePorts,
  input: StepInput,
  to: number,
  signal: AbortSignal,
): Promise<{ readonly is: NonNullable<Rollback['weights']>; readonly adapter: Generation['adapter'] | null } | null> {
  const { adapter: good } = ancestor(input.state, to);
  const { adapter: current } = input.state;
  if (good === undefined || current === null || good.id === current.id) return null;
  const request = { kind: 'roll-back' as const, ...header(input), to: good, from: current, share: 0 };
  const answer = await ports.ask('trainer', request, signal);
  return answer.status === 'in-service' ? { is: 'restored', adapter: answer.adapter } : { is: 'kept', adapter: null };
}
