import { fromPromise } from 'xstate';
import type { RoleActor } from '../../src/core/define.ts';
import { GenomeInvalidError } from '../../src/core/errors.ts';
import type { GenomeId, LineageId } from '../../src/core/ids.ts';
import { hostJobMachine } from '../job-actor.ts';
import { editGenome, lastLine, type MetaAgentPorts } from './edit-genome.ts';
import { importChecks } from './import-check.ts';
import { metaAgentMachine } from './meta-agent-machine.ts';

export type { EditGuard, EditProvenance, MetaAgentPorts } from './edit-genome.ts';

/** Lets a genome's own meta-agent edit the genome, and checks that the child loads. */
export function createMetaAgent(ports: MetaAgentPorts): RoleActor<'meta-agent'> {
  const machine = metaAgentMachine.provide({
    actors: {
      edit: fromPromise(({ input, signal }) => editGenome(ports, input, signal)),
      checkImports: fromPromise(({ input, signal }) => checkImports(ports, input.request.lineage, input.child, signal)),
    },
  });
  return hostJobMachine('meta-agent', machine, undefined);
}

async function checkImports(
  ports: MetaAgentPorts,
  owner: LineageId,
  child: GenomeId,
  signal: AbortSignal,
): Promise<string | null> {
  const files = await ports.genomes.get(child);
  let commands: readonly (readonly string[])[];
  try {
    commands = importChecks(files);
  } catch (error) {
    if (error instanceof GenomeInvalidError) return error.message;
    throw error;
  }
  await using sandbox = await ports.sandboxes.open({ owner, files, mounts: [], gatewaySocket: null }, signal);
  for (const command of commands) {
    const ended = await sandbox.exec(command, {
      signal,
      timeoutMs: ports.importWallMs,
      maxOutputBytes: ports.sandboxes.maxOutputBytes,
    });
    signal.throwIfAborted();
    if (ended.stoppedBy !== 'exit') return `the import check was stopped by its ${ended.stoppedBy} limit`;
    if (ended.exitCode !== 0)
      return lastLine(ended.stderr) || `the import check ended with ${ended.exitCode ?? ended.signal}`;
  }
  return null;
}
