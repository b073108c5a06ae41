import { describe, expect, it } from 'vitest';
import { lineageOutcomes } from '../../src/analysis/lineage-outcome.ts';
import { type LineageSketch, readOf, runOf } from './fixture.ts';

function outcomeOf(lineage: LineageSketch) {
  return lineageOutcomes([runOf({ arm: 'solo', seed: 1, lineages: { a: lineage } })])[0]!;
}

describe('the curve of a lineage', () => {
  it('keeps the best so far across failed generations, which have no score', () => {
    const { curve } = outcomeOf({ scores: [0.2, null, 0.5, 0.4] });
    expect(curve.map((p) => p.score)).toEqual([0.2, null, 0.5, 0.4]);
    expect(curve.map((p) => p.best)).toEqual([0.2, 0.2, 0.5, 0.5]);
  });

  it('has no best before the first measured generation, not 0', () => {
    expect(outcomeOf({ scores: [null, null, -3] }).curve.map((p) => p.best)).toEqual([null, null, -3]);
  });

  it('names the earliest of equal bests and the last that was measured', () => {
    const { best, last } = outcomeOf({ scores: [0.2, 0.5, 0.5, 0.1, null] });
    expect(best).toEqual({ generation: 1, score: 0.5 });
    expect(last).toEqual({ generation: 3, score: 0.1 });
  });
});

describe('improvement at k', () => {
  it('is the best so far at generation k minus generation 0', () => {
    const scores = [1, ...Array.from({ length: 12 }, (_, i) => 2 + i)];
    expect(outcomeOf({ scores }).imp).toEqual({ at5: 5, at10: 10, at20: null, all: 12 });
  });

  it('is null when fewer than k generations exist, but not for all', () => {
    expect(outcomeOf({ scores: [1, 2, 3, 4, 5] }).imp).toEqual({ at5: null, at10: null, at20: null, all: 4 });
    expect(outcomeOf({ scores: [1] }).imp.all).toBe(0);
  });

  it('counts generation k also when it failed', () => {
    expect(outcomeOf({ scores: [1, 2, null, null, null, null] }).imp.at5).toBe(1);
  });

  it('is never negative and is null when generation 0 was not measured', () => {
    expect(outcomeOf({ scores: [5, 1, 2] }).imp.all).toBe(0);
    expect(outcomeOf({ scores: [null, 1, 2] }).imp.all).toBeNull();
    expect(outcomeOf({ scores: [null, null] }).imp.all).toBeNull();
    expect(outcomeOf({ scores: [] }).imp.all).toBeNull();
  });
});

describe('counts and spending', () => {
  it('counts what happened, and only reads that reached a model or the tree', () => {
    const { counts } = outcomeOf({
      scores: [0.1, 0.2, null, 0.15, 0.3],
      adoptions: { 4: 'b' },
      reads: { 1: [readOf('b', 0, 0)], 4: [readOf('b', 0.5), readOf('b', 0, 0.1)] },
    });
    expect(counts).toEqual({ generations: 4, failed: 1, refused: 1, promoted: 2, adoptions: 1, reads: 2 });
  });

  it('keeps an unknown cost unknown', () => {
    expect(outcomeOf({ scores: [1], spent: { costUsd: null } }).spent.usd).toBeNull();
    expect(outcomeOf({ scores: [1], spent: { costUsd: 0 } }).spent.usd).toBe(0);
    expect(outcomeOf({ scores: [1], evaluations: 7 }).spent).toMatchObject({ tokens: 10_000, evaluations: 7 });
  });
});
