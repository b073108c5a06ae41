import type { RoleActor } from '../../src/core/define.ts';
import type { Niche } from '../../src/core/niche.ts';
import { hostOneStep } from '../one-step-machine.ts';

export interface ProposerPorts {
  readonly niche: Niche;
}

/**
 * Hands out the niche's own situations. The same seed and split give the same
 * situations in the same order in every arm and every generation.
 */
export function createProposer(ports: ProposerPorts): RoleActor<'proposer'> {
  return hostOneStep('proposer', async ({ split, seed, count }) => ({
    situations: [...ports.niche.situations({ split, seed, count })],
  }));
}
