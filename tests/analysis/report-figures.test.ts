import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adoptionGraph } from '../../src/analysis/figures/adoption-graph.ts';
import { codeSize } from '../../src/analysis/figures/code-size.ts';
import { costCurves } from '../../src/analysis/figures/cost-curves.ts';
import { type Figure, standaloneSvg } from '../../src/analysis/figures/figure.ts';
import { scoreCurves } from '../../src/analysis/figures/score-curves.ts';
import { medianCurve, type StepCurve, stepsOf } from '../../src/analysis/figures/step-curve.ts';
import { timeToThreshold } from '../../src/analysis/figures/time-to-threshold.ts';
import { transferDots } from '../../src/analysis/figures/transfer-dots.ts';
import { lineageOutcomes } from '../../src/analysis/lineage-outcome.ts';
import { renderReport } from '../../src/analysis/report.ts';
import type { RunRecord } from '../../src/analysis/run-record.ts';
import { median } from '../../src/analysis/statistics/summary.ts';
import { transferGains } from '../../src/analysis/transfer.ts';
import type { ArmName } from '../../src/core/config/arms.ts';
import { demoRecords, runOf } from './fixture.ts';
import { elements, parseXml, textContent, type XmlElement } from './well-formed.ts';

const ofClass = (root: XmlElement, name: string) => elements(root, (e) => e.attributes.class === name);
const drawn = (figure: Figure | null): XmlElement => parseXml(standaloneSvg(figure!, 'demo'));
const arms: readonly ArmName[] = ['paired', 'solo', 'sham', 'iid', 'sequential'];
const demo = (n: number, of = arms) =>
  demoRecords({ arms: of, seeds: Array.from({ length: n }, (_, i) => i + 1), generations: 12, lineages: ['a', 'b'] });

/** Tokens of every generation, as a model would have used them. */
function withTokens(records: readonly RunRecord[], tokens: number, usd: number | null): RunRecord[] {
  const usage = { calls: 1, toolCalls: 0, promptTokens: tokens, completionTokens: 0, costUsd: usd };
  return records.map((record) => ({
    ...record,
    lineages: record.lineages.map((l) => ({
      ...l,
      spent: { ...l.spent, costUsd: usd === null ? null : usd * l.generations.length },
      generations: l.generations.map((g) => ({ ...g, usage })),
    })),
  }));
}

describe('every figure of a report', () => {
  it.each([1, 3, 6])('is well-formed, says its n and lets no label leave the drawing, with %i seeds', (n) => {
    const outcomes = lineageOutcomes(withTokens(demo(n), 1_000, 0.01));
    const figures = [
      scoreCurves(outcomes),
      transferDots(transferGains(outcomes), outcomes),
      timeToThreshold(outcomes, []),
      costCurves(outcomes, 'tokens'),
      costCurves(outcomes, 'usd'),
      codeSize(outcomes),
      adoptionGraph(outcomes),
    ];
    for (const figure of figures) {
      expect(figure!.caption).toMatch(/\bn = \d/);
      const root = drawn(figure);
      expect(textContent(root)).not.toMatch(/NaN|Infinity|undefined/);
      const width = Number(root.attributes.width);
      for (const text of elements(root, (e) => e.name === 'text' && e.attributes.transform === undefined)) {
        const [x, estimated] = [Number(text.attributes.x), textContent(text).length * 5];
        const left = { end: x - estimated, middle: x - estimated / 2 }[text.attributes['text-anchor']!] ?? x;
        expect(left, textContent(text)).toBeGreaterThan(-4);
        expect(left + estimated, textContent(text)).toBeLessThan(width + 4);
      }
    }
  });

  it('draws a median from three seeds on, never below', () => {
    const medians = (n: number) => ofClass(drawn(scoreCurves(lineageOutcomes(demo(n)))), 'median').length;
    expect([medians(1), medians(2), medians(3)]).toEqual([0, 0, 2 * arms.length]);
  });

  it('tells lineages apart without their hue: by dash and by marker', () => {
    const root = drawn(scoreCurves(lineageOutcomes(demo(3, ['paired']))));
    const dashes = ofClass(root, 'median').map((e) => e.attributes['stroke-dasharray']);
    expect(new Set(dashes).size).toBe(2);
    const shapes = ofClass(root, 'last').map((e) => e.attributes.d!.replace(/^M[\d. ]+/, ''));
    expect(new Set(shapes).size).toBe(2);
  });
});

describe('the median of step curves', () => {
  it('is the median of the values at every place where all are watched', () => {
    const values = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 6 }), (seeds) => {
        const curves = seeds.map((own, seed): StepCurve => {
          const points = own.map((y, x) => ({ x, y }));
          return {
            arm: 'paired',
            lineage: 'a',
            seed,
            steps: stepsOf(points),
            end: own.length - 1,
            dots: [],
            missing: [],
          };
        });
        const middle = medianCurve(curves)!;
        expect(middle.end).toBe(Math.min(...seeds.map((own) => own.length)) - 1);
        for (let x = 0; x <= middle.end; x += 1) {
          expect(middle.steps.findLast((s) => s.x <= x)!.y).toBe(median(seeds.map((own) => own[x]!)));
        }
      }),
    );
  });
});

describe('the figure of time to threshold', () => {
  const run = (arm: ArmName, seed: number, scores: (number | null)[]) =>
    runOf({ arm, seed, lineages: { a: { scores } } });
  const outcomes = lineageOutcomes([
    run('paired', 1, [0, 0.5, 1]),
    run('paired', 2, [0, 0, 0.6]),
    run('solo', 1, [0, null, 0.2]),
    run('solo', 2, [0, 0.5, 0.5]),
  ]);

  it('marks who got there and who was watched in vain, and counts both', () => {
    const root = drawn(timeToThreshold(outcomes, [0.5]));
    const marks = (name: string) => ofClass(root, name).flatMap((e) => e.attributes.d!.match(/M/g)!).length;
    expect(marks('reached')).toBe(3);
    expect(marks('censored')).toBe(1);
    expect(ofClass(root, 'label').map(textContent).sort()).toEqual(['paired 2/2', 'solo 1/2']);
  });

  it('has a panel per stated threshold, in figure, table and data', () => {
    const context = {
      experiment: 'demo',
      question: '',
      niche: 'n',
      command: 'c',
      version: '1',
      provider: 'p',
      models: {},
    };
    const records = [1, 2].flatMap((seed) => [run('paired', seed, [0, 0.5, 1]), run('solo', seed, [0, 0, 0.6])]);
    const { figures, tables, markdown } = renderReport(records, { ...context, thresholds: [0.5, 0.9] });
    const text = textContent(parseXml(figures['time-to-threshold.svg']!));
    expect(text).toContain('score of 0.500');
    expect(text).toContain('score of 0.900');
    expect(tables['time-to-threshold.csv']!.trim().split('\n')).toHaveLength(1 + 2 * 4);
    expect(
      tables['threshold.csv']!.trim()
        .split('\n')
        .map((line) => line.split(',')[3]),
    ).toEqual(['threshold', '0.5', '0.9']);
    expect(markdown).toContain('Thresholds as stated in the experiment or asked for.');
  });
});

describe('the figures of cost', () => {
  const gains = [runOf({ arm: 'solo', seed: 1, lineages: { a: { scores: [0.1, null, 0.4] } } })];

  it('end where spending ended, tokens of failed generations included', () => {
    const root = drawn(costCurves(lineageOutcomes(withTokens(gains, 500, 0)), 'tokens'));
    const tick = (label: string) =>
      Number(elements(root, (e) => e.name === 'text' && textContent(e) === label).at(-1)!.attributes.x);
    const perToken = (tick('1000') - tick('0')) / 1_000;
    const [d] = ofClass(root, 'seed').map((e) => e.attributes.d!);
    const [, from, , , end] = /^M([\d.]+) ([\d.]+)H([\d.]+)V[\d.]+H([\d.]+)$/.exec(d!)!.map(Number);
    expect(from! - tick('0')).toBeCloseTo(500 * perToken, 0);
    expect(end! - tick('0')).toBeCloseTo(1_500 * perToken, 0);
    // The gain came with the last tokens, so that the line ends in an upright: a marker says where.
    const [mark] = ofClass(root, 'last').map((e) => e.attributes.d!.match(/[\d.]+/g)!.map(Number));
    expect(Math.abs(mark![0]! - end!)).toBeLessThan(5);
  });

  it('are left out where nothing was spent, metered or known', () => {
    expect(costCurves(lineageOutcomes(withTokens(gains, 500, 0)), 'usd')).toBeNull();
    expect(costCurves(lineageOutcomes(withTokens(gains, 500, null)), 'usd')).toBeNull();
    expect(costCurves(lineageOutcomes(withTokens(gains, 0, 0)), 'tokens')).toBeNull();
  });
});

describe('the adoption graph', () => {
  const lineages = {
    a: { scores: [0.1, 0.2, 0.3, null], adoptions: { 2: 'b', 3: 'b' } },
    b: { scores: [0.1, 0.3, 0.2, 0.4], adoptions: { 2: 'a' } },
  };

  it('has an arrow per adoption between the lanes of the two, from the round that was taken from', () => {
    const root = drawn(adoptionGraph(lineageOutcomes([runOf({ arm: 'paired', seed: 1, lineages })])));
    const arrows = ofClass(root, 'adoption');
    const titles = arrows.map((a) => textContent(elements(a, (e) => e.name === 'title')[0]!));
    expect(titles.sort()).toEqual([
      'a g2 from b g1: better than the parent',
      'a g3 from b g2: not measured',
      'b g2 from a g1: not better',
    ]);
    for (const arrow of arrows) {
      const { x1, y1, x2, y2 } = elements(arrow, (e) => e.name === 'line')[0]!.attributes;
      expect(Number(x2)).toBeGreaterThan(Number(x1));
      expect(Math.abs(Number(y2) - Number(y1))).toBeGreaterThan(10);
    }
    expect(textContent(root)).toContain(
      'n = 3 adoptions in 1 of 1 run with peers: 1 better than the parent, 1 not better, 1 not measured',
    );
  });

  it('draws no arrow that is not in the data: none in arms that show other runs', () => {
    expect(adoptionGraph(lineageOutcomes([runOf({ arm: 'shuffled', seed: 1, lineages })]))).toBeNull();
    expect(adoptionGraph(lineageOutcomes(demo(2, ['solo', 'sham'])))).toBeNull();
  });
});
