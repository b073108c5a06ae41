import type { RoleActor } from '../../src/core/define.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { GenerationCommit, Lineage } from '../../src/lineage/lineage.ts';
import { hostOneStep } from '../one-step-machine.ts';
import { noteOf } from './note.ts';

export interface ArchivistPorts {
  readonly lineage: Lineage;
  /** Commit date of a round, seconds since the epoch: logical under the seed, or wall time. */
  readonly secondsOf: (round: number) => number;
}

type RecordRequest = Extract<RequestOf<'archivist'>, { kind: 'record' }>;

/** Writes generations and round notes into the run's git repository. */
export function createArchivist(ports: ArchivistPorts): RoleActor<'archivist'> {
  return hostOneStep('archivist', async (request) => {
    if (request.kind === 'record') {
      return { commit: await ports.lineage.commit(commitOf(request, ports.secondsOf(request.round))) };
    }
    const notes = request.generations.map((g) => ({ commit: g.commit, note: noteOf(g) }));
    await ports.lineage.annotate(notes, ports.secondsOf(request.round));
    return { commit: null };
  });
}

/** What a generation's commit says, in trailers that `git interpret-trailers` reads. */
function commitOf(request: RecordRequest, seconds: number): GenerationCommit {
  const { adoption } = request;
  const peers = new Map(
    request.reads.filter((r) => r.shareInModel > 0 || r.shareInTree > 0).map((r) => [`${r.peer}@${r.commit}`, r]),
  );
  return {
    lineage: request.lineage,
    generation: request.generation,
    genome: request.genome,
    parent: request.parentCommit,
    adopted: adoption?.from.commit ?? null,
    subject: `${request.lineage} g${request.generation} ${request.verdict}: ${request.summary}`,
    trailers: [
      ['Generation', String(request.generation)],
      ['Model', request.model],
      ...(request.metaFrom === null ? [] : [['Meta-From', String(request.metaFrom)] as const]),
      ['Verdict', request.verdict],
      ...[...peers.keys()].map((key) => ['Read', key] as const),
      ...(adoption === null ? [] : [['Adopted-From', `${adoption.from.lineage}/${adoption.from.generation}`] as const]),
    ],
    seconds,
    isPromoted: request.verdict === 'promoted' || request.verdict === 'seed',
    isBest: request.isBest,
  };
}
