import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commitOf, type RecordRequest } from '../../actors/archivist/create-archivist.ts';
import { noteOf } from '../../actors/archivist/note.ts';
import { summaryOf } from '../../actors/lineage/summary.ts';
import { parseAdapterId } from '../../src/core/ids.ts';
import { canonicalJson } from '../../src/core/json.ts';
import { valid } from '../core/valid-messages.ts';
import { commitId, failedEdit, generationOf, measured, unmeasured } from './samples.ts';

const record = valid.archivist.request as RecordRequest;
const adoption = record.adoption!;
const control = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

describe('summary of a generation', () => {
  it.each([
    ['the seed', generationOf(0), 'the initial harness'],
    ['the changed files', generationOf(1, { changedFiles: ['a.mjs', 'b/c.md'] }), 'a.mjs, b/c.md'],
    ['whom it took from', generationOf(1, { adoption }), 'task.mjs, adopted from b g3'],
    ['where an edit failed', failedEdit(1), 'meta-agent, exit 1: boom'],
    ['what could not be measured', generationOf(1, { selection: unmeasured() }), 'timeout, too slow'],
    [
      'training first',
      generationOf(1, { train: unmeasured('crashed', 'train'), selection: unmeasured() }),
      'timeout, crashed',
    ],
  ])('says %s', (_, generation, text) => {
    expect(summaryOf(generation)).toBe(text);
  });

  it('is one line of at most 100 characters without control characters, whatever a candidate wrote', () => {
    const hostile = fc.string({
      unit: fc.oneof(fc.constantFrom('\n', '\r', '\u001b', '\u202e', '\u2028', '\ud800', '🦖'), fc.string()),
    });
    fc.assert(
      fc.property(hostile, (message) => {
        const summary = summaryOf(failedEdit(1, { failure: { stage: 'meta-agent', message } }));
        expect([...summary].length).toBeLessThanOrEqual(100);
        expect(summary).not.toMatch(control);
        expect(summary).not.toMatch(/^\s|\s$/);
      }),
    );
  });

  it('cuts between characters, not within one', () => {
    const changedFiles = ['🦖'.repeat(150)];
    expect(summaryOf(generationOf(1, { changedFiles }))).toBe(`${'🦖'.repeat(99)}…`);
  });
});

describe('note of a generation', () => {
  it('is the same for generations that differ in durations alone', () => {
    const slow = (wallMs: number) => {
      const selection = measured(1);
      return generationOf(1, { selection: { ...selection, items: selection.items.map((i) => ({ ...i, wallMs })) } });
    };
    expect(noteOf(slow(1))).toEqual(noteOf(slow(99_999)));
    expect(canonicalJson(noteOf(slow(1)))).not.toMatch(/wallMs|99999/);
  });

  it('keeps scores, consequences, checks, failure and whom it took from', () => {
    const note = noteOf(generationOf(1, { adoption, selection: unmeasured() }));
    expect(note).toMatchObject({
      verdict: 'archived',
      train: { status: 'measured', score: 1, items: [{ situation: 's1', consequence: { score: 1 } }] },
      selection: { status: 'failed', reason: 'timeout' },
      adoption: { from: 'b/3', lines: 4, share: 0.5 },
      failure: null,
    });
    expect(noteOf(failedEdit(1))).toMatchObject({ train: null, selection: null, failure: { stage: 'meta-agent' } });
  });

  it('is one line as text, whatever a candidate printed', () => {
    const text = canonicalJson(noteOf(failedEdit(1, { failure: { stage: 'collect', message: 'a\nb\u001b[31m\0' } })));
    expect(text).not.toMatch(/[\u0000-\u001f]/);
  });
});

describe('commit of a generation', () => {
  it('says lineage, generation, verdict and summary, with the time it was given', () => {
    const commit = commitOf(record, 1_234);
    expect(commit).toMatchObject({
      lineage: 'a',
      generation: 1,
      subject: 'a g1 promoted: sort by size first',
      parent: record.parentCommit,
      adopted: adoption.from.commit,
      seconds: 1_234,
      isPromoted: true,
      isBest: true,
    });
  });

  it('carries trailers that git can read', () => {
    expect(commitOf(record, 0).trailers).toEqual([
      ['Generation', '1'],
      ['Model', 'mutator'],
      ['Meta-From', '0'],
      ['Verdict', 'promoted'],
      ['Read', `b@${adoption.from.commit}`],
      ['Adopted-From', 'b/3'],
    ]);
  });

  it('names the parent that was chosen, where the lineage went back to its best instead; so does its note', () => {
    const rollback = { from: 7, streak: 3, floor: 0.5 };
    expect(commitOf({ ...record, rollback }, 0).trailers).toContainEqual(['Rolled-Back-From', '7']);
    expect(noteOf(generationOf(1, { rollback }))).toMatchObject({ rollback });
    expect(noteOf(generationOf(1))).not.toHaveProperty('rollback');
  });

  it('names the weights in use, and where their files are', () => {
    const adapter = { id: parseAdapterId('ef'.repeat(32)), tree: record.genome };
    const commit = commitOf({ ...record, adapter }, 0);
    expect(commit.trailers).toContainEqual(['Adapter', `sha256:${'ef'.repeat(32)}`]);
    expect(commit.adapter).toBe(record.genome);
    expect(commitOf(record, 0)).not.toHaveProperty('adapter');
  });

  it('names every peer once that reached it, and none that did not', () => {
    const read = record.reads[0]!;
    const reads = [
      { ...read, path: 'a.mjs' },
      { ...read, path: 'b.mjs', shareInModel: 0, shareInTree: 0.5 },
      { ...read, commit: commitId(7), shareInModel: 0, shareInTree: 0 },
    ];
    const trailers = commitOf({ ...record, reads }, 0).trailers.filter(([key]) => key === 'Read');
    expect(trailers).toEqual([['Read', `b@${read.commit}`]]);
  });

  it('leaves out what a seed does not have', () => {
    const seed = { ...record, generation: 0, verdict: 'seed' as const, metaFrom: null, adoption: null, reads: [] };
    expect(commitOf(seed, 0).trailers.map(([key]) => key)).toEqual(['Generation', 'Model', 'Verdict']);
    expect(commitOf(seed, 0)).toMatchObject({ adopted: null, isPromoted: true });
  });

  it.each(['archived', 'refused', 'failed'] as const)(
    'does not move the branch for a generation that was %s',
    (verdict) => {
      expect(commitOf({ ...record, verdict, isBest: false }, 0)).toMatchObject({ isPromoted: false, isBest: false });
    },
  );
});
