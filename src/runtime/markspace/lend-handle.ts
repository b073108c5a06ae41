import type { EditGuard } from '../../../actors/meta-agent/create-meta-agent.ts';
import type { LineageHandle, MountRequest, Published } from '../../../markspace/markspace.ts';
import { MarkspaceDeniedError } from '../../core/errors.ts';
import type { RunMarkspace } from './open-markspace.ts';

/** Checks whose refusals hold a lineage back without being anybody's fault but its own. */
const conductChecks: ReadonlySet<string> = new Set(['barrier', 'envelope', 'rate', 'budget', 'quota']);

/** What of a lineage's handle its roles get: the way to a mount, the way back for a tree, and publishing. */
export function lendHandle(space: RunMarkspace, handle: LineageHandle, arm: Pick<MountRequest, 'strategies' | 'seed'>) {
  const guard: EditGuard = {
    mounts(request) {
      const refused = space.refusedOf(handle.lineage);
      return handle.mounts({ ...request, ...arm, ...(refused === undefined ? {} : { refused }) });
    },
    async collect(request) {
      const child = await space.take(handle.lineage, request.generation, request.child);
      return handle.collect({ ...request, child });
    },
  };
  /** A lineage that the guard holds back goes on unpublished; the refusal is a fact already. */
  async function publish(strategy: Published): Promise<boolean> {
    try {
      return (await handle.publish(strategy)) !== null;
    } catch (error) {
      const isHeld = error instanceof MarkspaceDeniedError && conductChecks.has(String(error.details.check));
      if (!isHeld) throw error;
      return false;
    }
  }
  return { guard, publish };
}
