import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crashRecoveries, neglects } from '../../src/analysis/life-events.ts';
import { publishedDataMissing, publishedFacts, publishedRuns } from '../support/published-data.ts';
import { itWith } from '../support/require-service.ts';

const itWithPublishedData = itWith('published data', publishedDataMissing);

describe('crash and recovery', () => {
  it.each<[string, (number | null)[], number[][]]>([
    ['two at nothing after a score, and back at once', [0, 0.5, 0, 0.01, 0.41], [[2, 3, 4]]],
    ['one at nothing is none', [0.5, 0, 0.5], []],
    ['nothing before any score is a start', [0, 0, 0, 0.5], []],
    ['.4 is not above .4', [0.4, 0, 0, 0.9], []],
    ['neither is it a recovery', [0.5, 0, 0, 0.4], []],
    ['a slow return is none', [0.5, 0, 0, 0.2, 0.9], []],
    ['what was not measured ends a crash', [0.5, 0, null, 0, 0.9], []],
    ['a crash may begin after one', [0.5, null, 0, 0, 0.9], [[2, 3, 4]]],
    [
      'each is an event of its own',
      [0.5, 0, 0, 0.5, 0, 0, 0, 0.6],
      [
        [1, 2, 3],
        [4, 6, 7],
      ],
    ],
    ['still at nothing', [0.5, 0, 0, 0], []],
  ])('%s', (_, scores, events) => {
    expect(crashRecoveries(scores).map((e) => [e.from, e.to, e.recovery])).toEqual(events);
  });

  it('is found by its definition in every curve, and nothing else is', () => {
    const score = fc.constantFrom(0, 0.01, 0.02, 0.4, 0.5, null);
    fc.assert(
      fc.property(fc.array(score, { maxLength: 14 }), (scores) => {
        const is = (test: (s: number) => boolean) => scores.map((s) => s !== null && test(s));
        const [low, high] = [is((s) => s <= 0.01), is((s) => s > 0.4)];
        const expected = scores.flatMap((_, recovery) => {
          let from = recovery;
          while (low[from - 1] === true) from -= 1;
          const isEvent = high[recovery]! && recovery - from >= 2 && high.slice(0, from).includes(true);
          return isEvent ? [{ from, to: recovery - 1, recovery }] : [];
        });
        expect(crashRecoveries(scores)).toEqual(expected);
      }),
    );
  });

  // The data hold 16 of the 40 lineages that the published counts are of.
  itWithPublishedData(
    'happened 4 times in the lineages there are data of, twice if invalid is not counted as 0',
    () => {
      const curves = [...publishedRuns('transfer').values()];
      const count = (invalid: number | null) =>
        curves.flatMap((run) => crashRecoveries(run.map((g) => g.val_score ?? invalid))).length;
      expect(curves).toHaveLength(16);
      expect([count(0), count(null)]).toEqual([4, 2]);
      const published = Object.values(publishedFacts().crash_recovery_events!);
      expect(published[0]).toBeGreaterThanOrEqual(count(0));
      expect(published[1]).toBeGreaterThanOrEqual(count(null));
    },
  );
});

describe('neglect', () => {
  const [y, n] = [true, false];
  it.each<[string, (boolean | null)[], number[][]]>([
    ['three without a read after one that read', [n, y, n, n, n], [[1, 2, 3]]],
    ['two are none', [y, n, n, y], []],
    ['a lineage that never read neglects nobody', [n, n, n, n], []],
    ['what is not known ends it', [y, n, n, null, n], []],
    ['nor does it begin with it', [y, null, n, n, n], []],
    [
      'each is an event of its own',
      [y, n, n, n, y, y, n, n, n, n],
      [
        [0, 1, 3],
        [5, 6, 4],
      ],
    ],
  ])('%s', (_, reads, events) => {
    expect(neglects(reads).map((e) => [e.lastRead, e.from, e.length])).toEqual(events);
  });
});
