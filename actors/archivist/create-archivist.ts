import type { RoleActor } from '../../src/core/define.ts';
import type { Journal } from '../../src/core/journal.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { GenerationCommit, Lineage } from '../../src/lineage/lineage.ts';
import { hostOneStep } from '../one-step-machine.ts';
import { noteOf } from './note.ts';

export interface ArchivistPorts {
  readonly lineage: Lineage;
  /** Commit date of a round, seconds since the epoch: logical under the seed, or wall time. */
  readonly secondsOf: (round: number) => number;
  readonly journal: Journal;
  /** Whether it is time to pay for making what was written visible and durable. */
  readonly isCheckpointDue: () => boolean;
}

/** The fact that every round up to its key is safe in the repository. */
export const checkpointFact = 'lineage.checkpointed';

export type RecordRequest = Extract<RequestOf<'archivist'>, { kind: 'record' }>;

/** Writes generations and round notes into the run's git repository. */
export function createArchivist(ports: ArchivistPorts): RoleActor<'archivist'> {
  return hostOneStep('archivist', async (request) => {
    if (request.kind === 'record') {
      return { commit: await ports.lineage.commit(commitOf(request, ports.secondsOf(request.round))) };
    }
    const notes = request.generations.map((g) => ({ commit: g.commit, note: noteOf(g) }));
    await ports.lineage.annotate(notes, ports.secondsOf(request.round));
    if (ports.isCheckpointDue()) {
      await ports.lineage.checkpoint();
      await ports.journal.append(checkpointFact, String(request.round), { round: request.round });
    }
    return { commit: null };
  });
}

/** What a generation's commit says, in trailers that `git interpret-trailers` reads. */
export function commitOf(request: RecordRequest, seconds: number): GenerationCommit {
  const { adoption } = request;
  const peers = new Map(
    request.reads.filter((r) => r.shareInModel > 0 || r.shareInTree > 0).map((r) => [`${r.peer}@${r.commit}`, r]),
  );
  return {
    lineage: request.lineage,
    generation: request.generation,
    genome: request.genome,
    ...(request.adapter === undefined ? {} : { adapter: request.adapter.tree }),
    parent: request.parentCommit,
    adopted: adoption?.from.commit ?? null,
    subject: `${request.lineage} g${request.generation} ${request.verdict}: ${request.summary}`,
    trailers: [
      ['Generation', String(request.generation)],
      ['Model', request.model],
      ...(request.taskModel === undefined ? [] : [['Task-Model', request.taskModel] as const]),
      ...(request.metaFrom === null ? [] : [['Meta-From', String(request.metaFrom)] as const]),
      ['Verdict', request.verdict],
      ...(request.rollback === undefined ? [] : [['Rolled-Back-From', String(request.rollback.from)] as const]),
      ...(request.adapter === undefined ? [] : [['Adapter', `sha256:${request.adapter.id}`] as const]),
      ...[...peers.keys()].map((key) => ['Read', key] as const),
      ...(adoption === null ? [] : [['Adopted-From', `${adoption.from.lineage}/${adoption.from.generation}`] as const]),
    ],
    seconds,
    isPromoted: request.verdict === 'promoted' || request.verdict === 'seed',
    isBest: request.isBest,
  };
}
