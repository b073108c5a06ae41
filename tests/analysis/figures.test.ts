import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { standaloneSvg } from '../../src/analysis/figures/figure.ts';
import { labelPositions } from '../../src/analysis/figures/label-positions.ts';
import { niceAxis } from '../../src/analysis/figures/scale.ts';
import { scoreCurves } from '../../src/analysis/figures/score-curves.ts';
import { transferDots } from '../../src/analysis/figures/transfer-dots.ts';
import { lineageOutcomes } from '../../src/analysis/lineage-outcome.ts';
import type { RunRecord } from '../../src/analysis/run-record.ts';
import { transferGains } from '../../src/analysis/transfer.ts';
import type { ArmName } from '../../src/core/config/arms.ts';
import { demoRecords, runOf } from './fixture.ts';
import { elements, parseXml, textContent, type XmlElement } from './well-formed.ts';

const curvesSvg = (records: readonly RunRecord[], name = 'demo') =>
  standaloneSvg(scoreCurves(lineageOutcomes(records))!, name);

function curves(records: readonly RunRecord[]): XmlElement {
  return parseXml(curvesSvg(records));
}

function gainDots(records: readonly RunRecord[]): XmlElement {
  const outcomes = lineageOutcomes(records);
  return parseXml(standaloneSvg(transferDots(transferGains(outcomes), outcomes)!, 'demo'));
}

const ofClass = (root: XmlElement, name: string) => elements(root, (e) => e.attributes.class === name);
/** The points that the markers of a path sit on. */
const markers = (path: XmlElement) =>
  [...path.attributes.d!.matchAll(/M(-?[\d.]+) (-?[\d.]+)m/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
const basicArms: readonly ArmName[] = ['paired', 'solo', 'sham', 'iid', 'sequential'];
const demo = (n: number, arms = basicArms) =>
  demoRecords({ arms, seeds: Array.from({ length: n }, (_, i) => i + 1), generations: 12, lineages: ['a', 'b'] });

describe('score curves', () => {
  it.each([1, 3, 5, 6])('are well-formed and self-contained for %i seeds', (n) => {
    const root = curves(demo(n));
    expect(root.name).toBe('svg');
    expect(elements(root, (e) => ['script', 'image', 'style', 'use', 'foreignObject'].includes(e.name))).toEqual([]);
    expect(elements(root, (e) => Object.keys(e.attributes).some((k) => /href|^on/.test(k)))).toEqual([]);
    expect(textContent(root)).toContain(`paired n = ${n}`);
  });

  it('draws a marker for every measured generation and none for a failed one', () => {
    const root = curves([runOf({ arm: 'paired', seed: 1, lineages: { a: { scores: [0.4, null, 0.6, null, null] } } })]);
    expect(markers(ofClass(root, 'measured')[0]!)).toHaveLength(2);
    expect(markers(ofClass(root, 'no-score')[0]!)).toHaveLength(3);
  });

  it('puts failed generations under the axis, below where any score could be', () => {
    const failing = runOf({
      arm: 'solo',
      seed: 1,
      lineages: { a: { scores: [0, null, 1] }, b: { scores: [0, 1, 0] } },
    });
    const root = curves([failing]);
    const measured = ofClass(root, 'measured').flatMap(markers);
    const failed = ofClass(root, 'no-score').flatMap(markers);
    const zero = Math.max(...measured.map((m) => m.y));
    expect(Math.min(...failed.map((m) => m.y))).toBeGreaterThan(zero + 8);
    expect(failed[0]!.x).toBeGreaterThan(Math.min(...measured.map((m) => m.x)));
  });

  it('has no "no score" band when nothing failed', () => {
    const root = curves([runOf({ arm: 'solo', seed: 1, lineages: { a: { scores: [0.1, 0.2] } } })]);
    expect(textContent(root)).not.toContain('no score');
    expect(textContent(root)).not.toContain('Slashed');
  });

  it('is not drawn when nothing was measured', () => {
    const nothing = [runOf({ arm: 'solo', seed: 1, lineages: { a: { scores: [null, null] } } })];
    expect(scoreCurves(lineageOutcomes(nothing))).toBeNull();
    expect(scoreCurves([])).toBeNull();
  });

  it('marks what scored far below the best lines at the edge, and says so, instead of pressing them flat', () => {
    const svgOf = (scores: number[]) => curvesSvg([runOf({ arm: 'solo', seed: 1, lineages: { a: { scores } } })]);
    const collapsed = svgOf([2.0, 0.1, 2.2, 0.2, 2.1]);
    const marks = (svg: string, name: string) =>
      new RegExp(`class="${name}" d="([^"]*)"`).exec(svg)?.[1]?.match(/M/g)?.length ?? 0;
    expect(marks(collapsed, 'below-axis')).toBe(2);
    expect(collapsed).toContain('Triangles at the');
    const close = svgOf([2.0, 1.95, 2.2, 2.05, 2.1]);
    expect(marks(close, 'below-axis')).toBe(0);
    expect(close).not.toContain('Triangles at the');
  });

  it('names the arms that were not run and the runs that are not finished', () => {
    const running = { ...demo(1, ['paired'])[0]!, status: 'running' as const };
    expect(textContent(curves([running]))).toContain(
      'Not run: solo, sham, self, shuffled, iid, sequential. 1 run not finished.',
    );
  });

  it('never lets labels overlap, however many lineages end at one score', () => {
    const scores = [0.1, 0.5];
    const lineages = Object.fromEntries(Array.from({ length: 24 }, (_, i) => [`lineage-${i}`, { scores }]));
    const root = curves([runOf({ arm: 'paired', seed: 1, lineages })]);
    const ys = ofClass(root, 'label').map((l) => Number(l.attributes.y));
    ys.sort((a, b) => a - b);
    expect(ys).toHaveLength(24);
    for (let i = 1; i < ys.length; i += 1) expect(ys[i]! - ys[i - 1]!).toBeGreaterThanOrEqual(15.9);
  });

  it('survives identical scores, one generation, huge and tiny scales', () => {
    for (const scores of [
      [0.5, 0.5],
      [3],
      [0, 0, 0],
      [1e12, 1.5e12],
      [2.6359830849, 2.6359830848],
      [-1e-9, 1e-9],
      [1e-15, 3e-15],
      [5e-324],
    ]) {
      const svg = curvesSvg([runOf({ arm: 'iid', seed: 1, lineages: { a: { scores } } })]);
      expect(() => parseXml(svg)).not.toThrow();
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  it('escapes every text that comes from outside', () => {
    const name = `<script>&"'\u0000\ud800`;
    const root = parseXml(curvesSvg(demo(1), name));
    expect(textContent(root)).toContain(`<script>&"'\ufffd\ufffd`);
    expect(elements(root, (e) => e.name === 'script')).toEqual([]);
  });

  it('does not grow with points that fall on one another', () => {
    const scores = Array.from({ length: 20_000 }, (_, i) => (i % 2) / 2);
    const svg = curvesSvg([runOf({ arm: 'solo', seed: 1, lineages: { a: { scores } } })]);
    expect(svg.length).toBeLessThan(400_000);
  });
});

describe('the transfer gain figure', () => {
  it.each([1, 3])('shows points only for %i seeds', (n) => {
    const root = gainDots(demo(n));
    expect(ofClass(root, 'gain')).toHaveLength(n * 4);
    expect(ofClass(root, 'zero')).toHaveLength(1);
    expect([...ofClass(root, 'mean'), ...ofClass(root, 'interval')]).toEqual([]);
    expect(textContent(root)).toContain('Points only');
  });

  it.each([4, 5, 6])('shows mean and interval for %i seeds', (n) => {
    const root = gainDots(demo(n));
    expect(ofClass(root, 'gain')).toHaveLength(n * 4);
    expect(ofClass(root, 'mean')).toHaveLength(4);
    expect(ofClass(root, 'interval')).toHaveLength(4);
  });

  it('keeps every dot visible when all gains are equal', () => {
    const records = [1, 2, 3, 4, 5, 6].flatMap((seed) =>
      (['paired', 'solo'] as const).map((arm) => runOf({ arm, seed, lineages: { a: { scores: [0.1, 0.2] } } })),
    );
    const root = gainDots(records);
    const spots = ofClass(root, 'gain').map((e) => JSON.stringify(markers(e)));
    expect(new Set(spots).size).toBe(6);
    expect(textContent(root)).toContain('not compared');
    expect(textContent(root)).toContain('p 1,');
  });

  it('marks a p that could not be smaller at its n', () => {
    const records = [1, 2, 3, 4, 5].flatMap((seed) =>
      (['paired', 'solo'] as const).map((arm) =>
        runOf({ arm, seed, lineages: { a: { scores: [0, arm === 'solo' ? 1 : 1 + seed] } } }),
      ),
    );
    expect(textContent(gainDots(records))).toContain('p 0.0625‡, n = 5');
  });

  it('is not drawn when no seed has both arms', () => {
    const outcomes = lineageOutcomes(demo(3, ['paired', 'iid']));
    expect(transferDots(transferGains(outcomes), outcomes)).toBeNull();
  });

  it('says when the runs behind a dot differ in length', () => {
    const paired = runOf({ arm: 'paired', seed: 1, lineages: { a: { scores: [0.1, 0.2, 0.3] } } });
    const solo = runOf({ arm: 'solo', seed: 1, lineages: { a: { scores: [0.1, 0.2] } } });
    expect(textContent(gainDots([paired, solo]))).toContain('In 1 dot the two runs have different numbers');
  });
});

describe('label positions', () => {
  it('keep the gap, the bounds and the order for any wishes that fit', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -50, max: 350, noNaN: true }), { maxLength: 20 }), (wishes) => {
        const placed = labelPositions(wishes, 14, 0, 300);
        const order = wishes.map((_, i) => i).sort((a, b) => wishes[a]! - wishes[b]! || a - b);
        for (const y of placed) expect(y >= -1e-9 && y <= 300 + 1e-9).toBe(true);
        for (let i = 1; i < order.length; i += 1) {
          expect(placed[order[i]!]! - placed[order[i - 1]!]!).toBeGreaterThanOrEqual(14 - 1e-9);
        }
      }),
    );
  });

  it('leave alone what does not collide, and refuse what cannot fit', () => {
    expect(labelPositions([200, 10, 100], 14, 0, 300)).toEqual([200, 10, 100]);
    expect(() => labelPositions([1, 2, 3], 14, 0, 20)).toThrow(RangeError);
  });
});

describe('axes', () => {
  it('hold every value between round ends, with distinct labels', () => {
    const value = fc.double({ min: -1e9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 10 }), (values) => {
        const axis = niceAxis(values, 5);
        const slack = 1e-6 * (axis.high - axis.low);
        expect(Math.min(...values)).toBeGreaterThanOrEqual(axis.low - slack);
        expect(Math.max(...values)).toBeLessThanOrEqual(axis.high + slack);
        expect(axis.ticks.length).toBeLessThanOrEqual(9);
        expect(new Set(axis.ticks.map(axis.label)).size).toBe(axis.ticks.length);
      }),
    );
    expect(niceAxis([0.13, 0.66], 5).ticks.map(niceAxis([0.13, 0.66], 5).label)).toEqual([
      '0.0',
      '0.2',
      '0.4',
      '0.6',
      '0.8',
    ]);
    expect(niceAxis([-2e6, 3e6], 5).ticks.map(niceAxis([-2e6, 3e6], 5).label)).toContain('−1M');
  });
});
