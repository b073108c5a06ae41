import { describe, expect, it } from 'vitest';
import { nothingYet } from '../../../src/niches/storage/life.ts';
import type { Observation } from '../../../src/niches/storage/observation.ts';
import {
  breakers,
  creditRules,
  credits,
  examplesOf,
  randomPlaces,
  survivors,
} from '../../../src/runtime/weights-loop/credit.ts';
import { atLarge, behindClosedDoors, siblingsOf, wholeLives } from '../../../src/runtime/weights-loop/practice.ts';
import type { Trajectory } from '../../../src/runtime/weights-loop/trajectory.ts';

const observation: Observation = { freeShare: 0.5, lastWords: [], last: nothingYet, files: [] };

/** @param freed - By each command, in bytes. */
function trajectory(...freed: readonly number[]): Trajectory {
  const moments = freed.map((deltaBytes, i) => ({
    ...{ observation, sentence: ['rm', `@${i + 1}`] },
    step: {
      ...{ command: 'rm', exitCode: 0, stoppedBy: 'exit' as const, result: 'ok' as const, deltaBytes },
      ...{ gainBytes: Math.max(0, deltaBytes), ending: null, damage: null },
    },
  }));
  const freedBytes = freed.reduce((sum, bytes) => sum + bytes, 0);
  return { moments, freedBytes, mostFreedBytes: Math.max(0, freedBytes), ending: null };
}

describe('credit', () => {
  it('goes to the sibling that freed most in its situation, and to nobody where nobody freed anything', () => {
    const best = trajectory(300);
    const bySituation = [[trajectory(10), best, trajectory(-500)], [trajectory(0), trajectory(-1)], []];
    expect(survivors('best-sibling', bySituation)).toEqual([best]);
  });

  it('by trajectory goes to every one that freed more than it took, each of its commands alike', () => {
    const [mixed, good] = [trajectory(0, -10, 30), trajectory(5)];
    const kept = survivors('trajectory', [[mixed, trajectory(20, -30, 0)], [good]]);
    expect(kept).toEqual([mixed, good]);
    expect(examplesOf({ right: kept, wrong: [] }).map(({ completion }) => completion)).toEqual([
      'rm @1',
      'rm @2',
      'rm @3',
      'rm @1',
    ]);
  });

  it.each(credits)('%s: nothing is kept where nothing was freed', (credit) => {
    expect(survivors(credit, [[trajectory(0), trajectory(-1)]])).toEqual([]);
  });
});

describe('a command that broke its world', () => {
  const broken: Trajectory = { ...trajectory(40, -90), ending: 'broken' };
  const bySituation = [
    [trajectory(10), broken],
    [broken, trajectory(-5)],
  ];

  it('is what must not be said where that is learnt from, every time that it was said; nowhere else', () => {
    for (const credit of ['best-sibling-negatives', 'own-life-negatives'] as const)
      expect(breakers(credit, bySituation)).toEqual([broken, broken]);
    for (const credit of ['best-sibling', 'trajectory', 'two-step'] as const)
      expect(breakers(credit, bySituation)).toEqual([]);
  });

  it('is told from one after which the world was exhausted, or the life over', () => {
    const ended = (['exhausted', 'out-of-budget'] as const).map((ending) => ({ ...trajectory(40), ending }));
    expect(breakers('best-sibling-negatives', [ended])).toEqual([]);
  });

  it('is wrong alone: not what came before it, and nothing that merely freed nothing', () => {
    const rows = examplesOf({ right: [trajectory(10)], wrong: [broken] });
    expect(rows.map(({ completion, label }) => [completion, label])).toEqual([
      ['rm @1', undefined],
      ['rm @2', false],
    ]);
  });
});

describe('what is practised', () => {
  it('by two-step in every second situation is closed: first with a right taken back already, then without', () => {
    const worlds = (generation: number) => creditRules['two-step'].practices(generation).map(({ world }) => world);
    expect([1, 2, 3].map(worlds)).toEqual([
      ['open', 'opened'],
      ['open', 'closed'],
      ['open', 'closed'],
    ]);
  });

  it('takes as many commands by whole lives as by single ones, and four times as many behind closed doors', () => {
    const drawn = (siblings: number) =>
      [atLarge, wholeLives, behindClosedDoors].map((practice) => [
        siblingsOf(practice, { siblings }),
        practice.commands,
      ]);
    expect(drawn(12)).toEqual([
      [12, 1],
      [4, 3],
      [24, 2],
    ]);
    expect(drawn(1)).toEqual([
      [1, 1],
      [1, 3],
      [2, 2],
    ]);
  });
});

describe("the control's choice", () => {
  it('takes different places, as many as it may, the same for the same seed', () => {
    const places = randomPlaces(1, 2, 50, 20);
    expect(new Set(places).size).toBe(20);
    expect(Math.max(...places)).toBeLessThan(50);
    expect(randomPlaces(1, 2, 50, 20)).toEqual(places);
    expect(randomPlaces(2, 2, 50, 20)).not.toEqual(places);
    expect(randomPlaces(1, 3, 50, 20)).not.toEqual(places);
  });

  it('is as likely to fall on one place as on any other', () => {
    const hits = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2_000; seed += 1) for (const place of randomPlaces(seed, 1, 10, 3)) hits[place]! += 1;
    // Each expects 600; the standard deviation is 20.5.
    for (const count of hits) expect(Math.abs(count - 600)).toBeLessThan(5 * 20.5);
  });
});
