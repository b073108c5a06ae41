import type { LineageId } from '../src/core/ids.ts';
import type { Json } from '../src/core/json.ts';
import type { StrategyRef } from '../src/core/records.ts';
import { quoted } from './denials.ts';
import type { Mount, MountRequest } from './markspace.ts';
import { strategiesScope } from './scope.ts';
import type { Space } from './space.ts';
import { evalFiles } from './strategies/evals.ts';
import { markFiles } from './strategies/mark-files.ts';
import type { Call } from './telemetry.ts';

/** Shows a lineage what it may see: strategies, evaluations, marks. Anything else that it asks for is denied. */
export async function mountFor(
  space: Space,
  call: Call,
  lineage: LineageId,
  request: MountRequest,
): Promise<readonly Mount[]> {
  const { access, denials, publisher, mounter, options } = space;
  const { round, generation, seed, strategies, snapshot } = request;
  const deny = (rule: string, message: string) =>
    denials.deny(lineage, { operation: 'mounts', generation, rule, message });
  if (!['peers', 'none', 'sham', 'lent'].includes(strategies))
    return deny('mode', `${quoted(strategies)} is not a mode`);
  if (!Number.isSafeInteger(round) || round < 0) return deny('round', 'a round is a whole number from 0');
  const isKnown = strategies === 'lent' ? (options.isLent ?? (() => false)) : publisher.isPublished;
  const forged = snapshot.find((ref) => !isKnown(ref));
  if (forged !== undefined) return deny('unpublished', `${quoted(forged.lineage)} never published what is named here`);
  if (new Set(snapshot.map((ref) => ref.lineage)).size < snapshot.length) {
    return deny('snapshot', 'a snapshot names each lineage once');
  }
  const shown = strategies === 'none' ? [] : snapshot.filter((ref) => ref.lineage !== lineage);
  const isHidden = (ref: StrategyRef) => access.sightOf(lineage, strategiesScope(ref.lineage)) !== 'content';
  const hidden = strategies === 'lent' ? undefined : shown.find(isHidden);
  if (hidden !== undefined) return deny('hidden', `what ${quoted(hidden.lineage)} publishes is not for ${lineage}`);
  const evals = evalFiles(request, options.policy.visibility);
  if (!evals.ok) return deny(evals.rule, evals.message);
  const { mounts, tampered } = await mounter.mount({
    reader: lineage,
    round,
    strategies: shown,
    shamSeed: strategies === 'sham' ? seed : null,
    evals: evals.files,
    marks: await marksFor(space, call, lineage, request.refused ?? null),
  });
  for (const what of tampered) {
    const message = `${what} had been changed behind the guard; it was made anew`;
    await denials.record(lineage, { operation: 'mounts', generation, rule: 'tampered', message });
  }
  return mounts;
}

/** What the lineage sees of the shared scopes, by its own rights; `null` where there are none. */
async function marksFor({ options, engine, access }: Space, call: Call, lineage: LineageId, refused: Json | null) {
  const shown = options.shown?.(lineage) ?? [];
  if (shown.length === 0) return null;
  // An empty file would tell of a scope that the lineage may not know of.
  const known = shown.filter(({ scope }) => access.isKnownTo(lineage, scope));
  const files = known.map(async (place) => {
    const views = await engine.query(call, { scope: place.scope, below: true });
    // What lies below in a scope with a definition of its own is in that one's file.
    const isHere = (scope: string) => access.settingsOf(scope) === access.settingsOf(place.scope);
    return { ...place, views: views.filter(({ mark }) => isHere(mark.scope)) };
  });
  return markFiles(await Promise.all(files), refused);
}
