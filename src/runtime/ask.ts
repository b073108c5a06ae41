import type { Bus, Subscription } from '../bus/bus.ts';
import { onAbort } from '../core/abort.ts';
import type { Ask } from '../core/ask.ts';
import { checkResult } from '../core/contracts.ts';
import type { RoleActor } from '../core/define.ts';
import { RunCancelledError } from '../core/errors.ts';
import type { LineageId, RunId } from '../core/ids.ts';
import { factKey } from '../core/journal.ts';
import type { Json } from '../core/json.ts';
import { parseRequest, type RequestOf, type ResultOf, type RoleName } from '../core/messages.ts';
import { subjects } from '../core/subjects.ts';
import type { FileJournal } from './journal.ts';

/** The fact's own key of a request: equal requests have equal keys, at every resume. */
function keyOf<R extends RoleName>(role: R, request: RequestOf<R>): string {
  const q = request as RequestOf<RoleName> & Record<string, unknown>;
  if (role === 'archivist') {
    const a = request as RequestOf<'archivist'>;
    return a.kind === 'record' ? factKey(a.lineage, a.generation) : factKey('round', a.round);
  }
  const lineage = q.lineage as string;
  if (role === 'lineage') return factKey(lineage, q.round as number);
  const trial = q.trial as string | undefined;
  if (role === 'trainer') {
    return factKey(lineage, q.generation as number, q.kind as string, ...(trial === undefined ? [] : [trial]));
  }
  const split = q.split ?? (q.situation as { split?: string } | undefined)?.split;
  const situation = (q.situation as { id?: string } | undefined)?.id;
  return factKey(
    lineage,
    q.generation as number,
    ...[split, situation, trial].filter((x) => x !== undefined).map(String),
  );
}

export interface AskOptions {
  readonly run: RunId;
  readonly bus: Bus;
  readonly journal: FileJournal;
  /** The name of the actor that plays a role, for error messages. */
  readonly actorName: (role: RoleName) => string;
  /** Told when a recorded result is used instead of asking. */
  readonly onReplay: <R extends RoleName>(role: R, request: RequestOf<R>, result: ResultOf<R>) => void;
}

/**
 * Durable asking over the bus. The archivist is asked every time: its work is
 * idempotent, and after a crash the repository may be behind the journal.
 */
export function createAsk({ run, bus, journal, actorName, onReplay }: AskOptions): Ask {
  return async (role, request, signal) => {
    const key = keyOf(role, request);
    const perform = async () => {
      signal.throwIfAborted();
      const queue = subjects.jobs(
        run,
        role,
        ((request as { lineage?: LineageId }).lineage ?? null) as LineageId | null,
      );
      const raw = await bus.submit(queue, { key: `${role}/${key}`, body: request as unknown as Json }, { signal });
      return checkResult(role, actorName(role), request, raw);
    };
    if (role === 'archivist') return perform();
    const type = `${role}.finished`;
    const recorded = journal.recorded(type, key) as ResultOf<typeof role> | undefined;
    if (recorded === undefined) return journal.once(type, key, perform);
    onReplay(role, request, recorded);
    return recorded;
  };
}

/** Lets an actor take its role's jobs from the bus, one at a time, until disposed. */
export async function serveRole<R extends RoleName>(
  bus: Bus,
  run: RunId,
  role: R,
  lineage: LineageId | null,
  actor: RoleActor<R>,
  runSignal: AbortSignal,
): Promise<Subscription> {
  return bus.work(
    subjects.jobs(run, role, lineage),
    async (job, context) => {
      const controller = new AbortController();
      using _following = onAbort([runSignal, context.signal], () =>
        controller.abort(new RunCancelledError('the run was stopped')),
      );
      return (await actor.handle(parseRequest(role, job.body), controller.signal)) as unknown as Json;
    },
    { concurrency: 1 },
  );
}
