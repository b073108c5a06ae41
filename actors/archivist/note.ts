import type { Json } from '../../src/core/json.ts';
import { type Generation, untimed } from '../../src/core/records.ts';

/**
 * The evaluation note of a generation: what was measured after the commit was
 * fixed. Durations are left out, so that equal runs have equal notes.
 */
export function noteOf(g: Generation): Json {
  return {
    verdict: g.verdict,
    checks: g.checks,
    failure: g.failure,
    train: g.train && untimed(g.train),
    selection: g.selection && untimed(g.selection),
    adoption: g.adoption && {
      from: `${g.adoption.from.lineage}/${g.adoption.from.generation}`,
      lines: g.adoption.lines,
      share: g.adoption.share,
    },
    ...(g.rollback === undefined ? {} : { rollback: g.rollback }),
    usage: g.usage,
    published: g.published,
  } as unknown as Json;
}
