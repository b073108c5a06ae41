import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import type { RoleActor } from '../../src/core/define.ts';
import { hostOneStep } from '../one-step-machine.ts';
import type { GenomeReader } from '../sandbox-access.ts';
import { judge } from './judge.ts';

export interface GatePorts {
  readonly settings: GateConfig;
  /** Read only where a constraint has to be looked for. */
  readonly genomes: GenomeReader;
}

/** Decides a generation's fate from evidence: what it was asked with, and the files of parent and child. */
export function createGate({ settings, genomes }: GatePorts): RoleActor<'gate'> {
  return hostOneStep('gate', async (request) => {
    const { candidate, parent } = request;
    const pair =
      settings.constraints.length === 0 || candidate.genome === null
        ? null
        : { parent: await genomes.get(parent.genome), child: await genomes.get(candidate.genome) };
    return judge(request, settings, pair);
  });
}
