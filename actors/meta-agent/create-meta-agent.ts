import { fromPromise } from 'xstate';
import type { RoleActor } from '../../src/core/define.ts';
import { hostJobMachine } from '../job-actor.ts';
import { editGenome, type MetaAgentPorts } from './edit-genome.ts';
import { metaAgentMachine } from './meta-agent-machine.ts';
import { type ValidationPorts, validateGenome } from './validation/validate-genome.ts';

export type { EditGuard, EditProvenance, MetaAgentPorts } from './edit-genome.ts';

/** Lets a genome's own meta-agent edit the genome, and validates the child before anybody runs it. */
export function createMetaAgent(ports: MetaAgentPorts & ValidationPorts): RoleActor<'meta-agent'> {
  const machine = metaAgentMachine.provide({
    actors: {
      edit: fromPromise(({ input, signal }) => editGenome(ports, input, signal)),
      checkImports: fromPromise(({ input: { request, child }, signal }) =>
        validateGenome(ports, { owner: request.lineage, parent: request.parent.genome, child }, signal),
      ),
    },
  });
  return hostJobMachine('meta-agent', machine, undefined);
}
