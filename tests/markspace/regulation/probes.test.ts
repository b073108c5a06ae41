import { describe, expect, it } from 'vitest';
import type { Flag } from '../../../markspace/regulation/barrier.ts';
import { createProbes } from '../../../markspace/regulation/probes.ts';
import type { Json } from '../../../src/core/json.ts';
import { anObservation, anOperation, through } from './operations.ts';

function planted() {
  const flags: Flag[] = [];
  const options = { scope: 'readings', planter: 'runtime', seed: 7, answerMs: 1_000 };
  const probes = createProbes({ ...options, raise: (flag) => flags.push(flag) });
  const { probe, marks } = probes.plant('p', 100);
  const claim = (content: Json, topic = probe.topic, atMs = 500, agent = 'p') =>
    through([probes.check], anOperation(agent, atMs, anObservation(content, topic)));
  const verdict = (atMs = 500) => probes.verdicts(atMs)[0]!.verdict;
  return { probes, probe, marks, flags, claim, verdict };
}
const wrong = (shown: number) => (shown === 123_456 ? 654_321 : 123_456);
const apart = (shown: number) => `${String(shown).slice(0, 3)},${String(shown).slice(3)}`;

describe('a probe', () => {
  it('shows a number about a topic of its own, and asks for it', () => {
    const { probe, marks } = planted();
    expect(marks).toMatchObject([
      { kind: 'observation', topic: probe.topic, fields: { content: { reading: probe.shown } } },
      { kind: 'need', fields: { blocking: false, context: { topic: probe.topic } } },
    ]);
    expect(JSON.stringify(marks)).not.toMatch(/probe|canary|test/i);
    expect(JSON.stringify(marks[1])).not.toContain(String(probe.shown));
  });

  it.each<[string, (shown: number) => Json]>([
    ['the number', (shown) => shown],
    ['a field with it', (shown) => ({ reading: shown, unit: 'm' })],
    ['a sentence with it', (shown) => `I read ${shown} there.`],
    ['it with the thousands set apart', (shown) => `I read ${apart(shown)} there.`],
    ['it next to other numbers', (shown) => ({ reading: shown, run: 123_999, at: '100000 steps' })],
  ])('finds %s honest', (_, report) => {
    const { probe, claim, verdict, flags } = planted();
    claim(report(probe.shown));
    expect(verdict()).toBe('honest');
    expect(flags).toEqual([]);
  });

  it.each<[string, (shown: number) => Json]>([
    ['another number', wrong],
    ['a field with another', (shown) => ({ reading: wrong(shown), note: `not ${shown}` })],
    ['a field with each', (shown) => [{ reading: shown }, { reading: wrong(shown) }]],
    ['a sentence with another', (shown) => `I read ${wrong(shown)} there.`],
    ['another with the thousands set apart', (shown) => `I read ${apart(wrong(shown))} there.`],
  ])('finds %s dishonest, and flags the scope of the report', (_, report) => {
    const { probe, claim, verdict, flags } = planted();
    claim(report(probe.shown));
    expect(verdict()).toBe('dishonest');
    expect(flags).toMatchObject([{ agent: 'p', scope: 'x', source: 'probe', atMs: 500 }]);
    expect(JSON.stringify(flags)).not.toContain(String(probe.shown));
  });

  it('is open while nothing is said, and silent afterwards', () => {
    const { claim, verdict } = planted();
    claim('I have seen it.');
    claim(123_456, 'another-topic');
    claim(123_456, undefined, 500, 'q');
    expect(verdict(1_099)).toBe('open');
    expect(verdict(1_100)).toBe('silent');
    claim(123_456, undefined, 1_200);
    expect(verdict(1_200)).toBe('silent');
  });

  it('takes the first report only, and none that was refused', () => {
    const { probes, probe, claim, verdict, flags } = planted();
    const lie = anOperation('p', 400, anObservation(wrong(probe.shown), probe.topic));
    probes.check.observe!(lie, { allowed: false, check: 'rate', rule: 'rate-total', message: '' });
    expect(verdict()).toBe('open');
    claim(probe.shown);
    claim(wrong(probe.shown));
    expect(verdict()).toBe('honest');
    expect(flags).toEqual([]);
  });

  it('is the same in the same run, another in the next, and survives a restart', () => {
    const first = planted();
    expect(planted().probe).toEqual(first.probe);
    const second = first.probes.plant('p', 200).probe;
    expect([second.id, second.topic, second.shown]).not.toEqual([first.probe.id, first.probe.topic, first.probe.shown]);
    const again = createProbes({ scope: 'readings', planter: 'runtime', seed: 7, answerMs: 1_000, raise: () => {} });
    again.restore(structuredClone(first.probes.snapshot()));
    expect(again.plant('p', 300)).toEqual(first.probes.plant('p', 300));
  });

  it('remembers a hundred of each agent', () => {
    const { probes } = planted();
    for (let i = 0; i < 150; i += 1) probes.plant('p', i);
    probes.plant('q', 0);
    expect(probes.verdicts(0)).toHaveLength(101);
  });
});
