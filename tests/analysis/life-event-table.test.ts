import { describe, expect, it } from 'vitest';
import { reportData } from '../../src/analysis/report-data.ts';
import type { RunRecord } from '../../src/analysis/run-record.ts';
import { lifeEventFiles, lifeEventSection } from '../../src/analysis/tables/life-events.ts';
import { readOf, runOf } from './fixture.ts';

const context = {
  ...{ experiment: 'demo', question: '', niche: 'n', command: 'c', version: '1', provider: 'process', models: {} },
};
const told = (...records: RunRecord[]) => {
  const data = reportData(records, context);
  const rows = lifeEventFiles(data)['life-events.csv']!.trimEnd().split('\n').slice(1);
  return { rows, text: JSON.stringify(lifeEventSection(data)) };
};
const read = [readOf('b', 0.5)];

describe('what happened to lineages', () => {
  it('tells a crash that recovered, and whether a generation without a score had to count as one', () => {
    const scores = [0.5, 0, 0.01, 0.6, null, 0, 0.7];
    const { rows } = told(runOf({ arm: 'solo', seed: 1, lineages: { a: { scores } } }));
    expect(rows).toEqual([
      'crash and recovery,demo-solo-1,a,1,2,0.600 again at g3',
      'crash and recovery,demo-solo-1,a,4,5,"0.700 again at g6, where a generation without a score counts as 0"',
    ]);
  });

  it('does not apply the published rule to scores in another unit, and says so', () => {
    const { rows, text } = told(runOf({ arm: 'solo', seed: 1, lineages: { a: { scores: [2, 0, 0, 2] } } }));
    expect(rows).toEqual([]);
    expect(text).toContain('it was not applied here');
    expect(text).toContain('None was recorded');
  });

  it('tells who stopped reading peers, where peers are shown and it is known who read them', () => {
    const lineages = { a: { scores: [0.1, 0.1, 0.1, 0.1, 0.1], reads: { 1: read } } };
    const neglect = (arm: 'paired' | 'self' | 'shuffled' | 'solo') => told(runOf({ arm, seed: 1, lineages }));
    for (const arm of ['paired', 'self'] as const) {
      expect(neglect(arm).rows).toEqual([`neglect,demo-${arm}-1,a,2,4,read last in g1`]);
    }
    for (const arm of ['shuffled', 'solo'] as const) {
      expect(neglect(arm).rows).toEqual([]);
      expect(neglect(arm).text).toContain('it is not known here who read what');
    }
    const imported = { source: 'hyperspace', from: 'x', notAvailable: [] } as unknown as RunRecord['imported'];
    const elsewhere = { ...runOf({ arm: 'paired', seed: 1, lineages }), imported } as RunRecord;
    expect(told(elsewhere).rows).toEqual([]);
  });

  it('tells when a lineage went back to its best, and from where', () => {
    const rollbacks = { 5: { from: 4, streak: 3, floor: 0.3 } };
    const { rows } = told(
      runOf({ arm: 'solo', seed: 2, lineages: { a: { scores: [0.1, 0.5, 0.2, 0.2, 0.2, 0.6], rollbacks } } }),
    );
    expect(rows).toEqual(['rollback,demo-solo-2,a,2,4,"g5 is a child of the best, g1, instead of g4"']);
  });

  it('says how many there are, and shows the first fifty', () => {
    const rollbacks = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [i + 2, { from: i + 1, streak: 1, floor: 0 }]),
    );
    const scores = Array.from({ length: 62 }, () => 0.2);
    const { rows, text } = told(runOf({ arm: 'solo', seed: 1, lineages: { a: { scores, rollbacks } } }));
    expect(rows).toHaveLength(60);
    expect(text).toContain('The first 50 of 60 rows. n = 60.');
  });
});
