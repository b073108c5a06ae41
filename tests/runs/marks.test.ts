import { describe, expect, it, vi } from 'vitest';
import { openRunMarks } from '../../src/runtime/marks.ts';
import { scratchDir } from '../support/example-run.ts';
import { type MarksRun, openMarksRun } from './marks-run.ts';

/** Whole runs take their time on a busy machine. */
vi.setConfig({ testTimeout: 120_000 });

const note = (text: string, more: object = {}) => ({
  kind: 'observation',
  scope: 'notes',
  topic: 'hint',
  content: { text },
  ...more,
});

async function ran(options: MarksRun) {
  const opened = await openMarksRun(scratchDir(), options);
  const ending = await opened.execute();
  if (ending.status !== 'done') throw ending.error;
  return opened;
}

async function marksOf(dir: string) {
  await using marks = await openRunMarks(dir, '.');
  return marks.entries({ all: true }).map(({ mark }) => mark);
}

const texts = (value: unknown) =>
  (value as { author: string; content: { text: string } }[]).map((m) => `${m.author}: ${m.content.text}`);

describe('scopes of an experiment', () => {
  it('carry what a lineage leaves to the others from the next round on, with the weight that was measured', async () => {
    const seen: Record<string, unknown> = {};
    const { dir } = await ran({
      rounds: 3,
      markspace: { scopes: { notes: {} } },
      act: ({ lineage, generation, marks }) => {
        seen[`${lineage}/${generation}`] = marks('notes.json');
        return { x: lineage === 'a' ? generation : 0, marks: [note(`${lineage}${generation}`)] };
      },
    });
    expect(seen['a/1']).toEqual([]);
    // Who comes first changes from round to round.
    expect(texts(seen['a/2'])).toEqual(['b: b1', 'a: a1']);
    expect(texts(seen['b/3'])).toEqual(['b: b1', 'a: a1', 'a: a2', 'b: b2']);
    const left = (await marksOf(dir)).filter(({ scope }) => scope === 'notes');
    expect(left).toHaveLength(6);
    // The niche measured a ahead of b in every round; no author has a say in that.
    expect(left.map((m) => ['confidence' in m && m.confidence, m.author])).toEqual(
      left.map((m) => [m.author === 'a' ? 1 : 0, m.author]),
    );
    expect(left.map(({ strength }) => strength)).toEqual(left.map(() => 1));
  });
});

describe('what a scope forbids', () => {
  it('is not kept, is a fact, and is told to who tried, in the next round', async () => {
    let told: unknown;
    const { dir, facts } = await ran({
      rounds: 2,
      markspace: {
        scopes: {
          notes: { verbs: ['observation'], topics: ['hint'], quota: 2 },
          quiet: { visibility: 'classified', members: ['b'] },
        },
      },
      act({ lineage, generation, marks }) {
        if (lineage !== 'a') return {};
        if (generation === 2) told = marks('_refused.json');
        return generation === 2
          ? {}
          : {
              marks: [
                note('one'),
                {
                  kind: 'warning',
                  scope: 'notes',
                  topic: 'hint',
                  invalidates: null,
                  reason: 'beware',
                  severity: 'low',
                },
                note('off topic', { topic: 'weather' }),
                note('elsewhere', { scope: 'nowhere' }),
                note('hidden', { scope: 'quiet' }),
                note('strong', { strength: 1 }),
                '{ half a mark',
                note('two'),
                note('three'),
              ],
            };
      },
    });
    const kept = (await marksOf(dir)).filter(({ scope }) => ['notes', 'quiet'].includes(scope));
    expect(texts(kept)).toEqual(['a: one', 'a: two']);
    const lines = (told as { lines: { line: number; rule: string; message: string }[] }).lines;
    expect(lines.map(({ line, rule }) => `${line} ${rule}`)).toEqual([
      '2 verb/kind',
      '3 topic/topic',
      '4 kind/unknown-scope',
      '5 kind/unknown-scope',
      '6 kind/malformed',
      '7 kind/malformed',
      '9 quota/quota',
    ]);
    // A hidden scope answers like one that is not there.
    expect(lines[3]!.message.replace('quiet', 'nowhere')).toBe(lines[2]!.message);
    expect(facts('guard.denied').map(({ body }) => (body as { lineage: string }).lineage)).toEqual(
      lines.map(() => 'a'),
    );
  });

  it('hides a classified scope from who is no member, and the content of a protected one', async () => {
    const seen: Record<string, unknown> = {};
    await ran({
      rounds: 2,
      lineages: ['a', 'b'],
      markspace: {
        scopes: {
          half: { visibility: 'protected', members: ['a'] },
          whole: { visibility: 'classified', members: ['a'] },
        },
      },
      act({ lineage, generation, marks }) {
        if (generation === 2) seen[lineage] = { half: marks('half.json'), whole: marks('whole.json') };
        return lineage === 'a'
          ? { marks: [note('secret', { scope: 'half' }), note('secret', { scope: 'whole' })] }
          : {};
      },
    });
    expect(JSON.stringify(seen.a).match(/secret/g)).toHaveLength(2);
    expect(seen.b).toMatchObject({ half: [{ author: 'a', content: 'hidden' }], whole: null });
  });

  it('leaves lineages alone with their marks in an arm without peers, in the same words', async () => {
    const seen: Record<string, unknown> = {};
    const { dir } = await ran({
      rounds: 2,
      arm: 'solo',
      markspace: { scopes: { notes: {} } },
      act({ lineage, generation, marks }) {
        if (generation === 2) seen[lineage] = [marks('notes.json'), marks('_refused.json')];
        const busy = { kind: 'action', scope: 'notes', resource: 'tower', action: 'climb', result: lineage };
        return { marks: [note(lineage), busy, note('x', { scope: 'notes/y', kind: 'rumour' })] };
      },
    });
    for (const id of ['a', 'b']) {
      const text = JSON.stringify(seen[id]);
      expect(text).toContain(`"author":"${id}"`);
      expect(text).not.toContain(`"author":"${id === 'a' ? 'b' : 'a'}"`);
      expect(text).toContain('"scope":"notes"');
      expect(text).not.toContain('apart');
    }
    // Neither stood in the other's way.
    expect(
      (await marksOf(dir))
        .filter(({ kind }) => kind === 'action')
        .map(({ author }) => author)
        .sort(),
    ).toEqual(['a', 'b']);
  });
});

describe('acting on one resource', () => {
  const claim = (resource: string) => ({
    kind: 'action',
    scope: 'regions',
    resource,
    action: 'search',
    result: 'mine',
  });

  it('is for the first writer; the others are told who it was', async () => {
    const told: Record<string, unknown> = {};
    const { dir } = await ran({
      rounds: 2,
      markspace: { scopes: { regions: {} } },
      act({ lineage, generation, marks }) {
        if (generation === 2) told[lineage] = marks('_refused.json');
        return generation === 1 ? { marks: [claim('north')] } : {};
      },
    });
    const actions = (await marksOf(dir)).filter(({ kind }) => kind === 'action');
    expect(actions.map(({ author }) => author)).toEqual(['b']);
    expect(told.b).toBeNull();
    expect(told.a).toMatchObject({ lines: [{ line: 1, rule: 'conflict/finished' }] });
  });

  it('waits in a scope that defers, and goes to the surest at the boundary', async () => {
    const { dir } = await ran({
      rounds: 4,
      markspace: {
        decay: { intentTtl: 4 },
        scopes: { regions: { conflicts: 'highest-confidence', deferred: { every: 2, maxPending: 10 } } },
      },
      // a is measured ahead of b, though b is the first to write in round 1.
      act: ({ lineage, generation }) => ({ x: lineage === 'a' ? 7 : 0, marks: generation < 4 ? [claim('north')] : [] }),
    });
    const marks = await marksOf(dir);
    expect(
      marks
        .filter(({ kind }) => kind === 'intent')
        .map(({ author, createdAtMs }) => `${author} ${createdAtMs}`)
        .sort(),
    ).toEqual(['a 1', 'b 1']);
    const [action, ...more] = marks.filter(({ kind }) => kind === 'action');
    expect([action?.author, more]).toEqual(['a', []]);
    expect(action!.createdAtMs).toBeGreaterThanOrEqual(2);
  });
});

describe('the clock of rounds', () => {
  it('ages marks by rounds', async () => {
    const strengths: unknown[] = [];
    await ran({
      rounds: 4,
      markspace: { decay: { clock: 'rounds', halfLife: 1 }, scopes: { notes: {} } },
      act({ lineage, generation, marks }) {
        if (lineage === 'a' && generation > 1)
          strengths.push((marks('notes.json') as { strength: number }[])[0]?.strength);
        return lineage === 'a' && generation === 1 ? { marks: [note('once')] } : {};
      },
    });
    expect(strengths).toEqual([0.5, 0.25, 0.125]);
  });

  it('lets what has faded go, once there are many', async () => {
    const flood = Array.from({ length: 100 }, (_, i) => note(`${i}`));
    const { dir } = await ran({
      rounds: 7,
      markspace: { decay: { halfLife: 0.4 }, scopes: { notes: {} } },
      act: ({ generation }) => ({
        marks: flood.map((mark, i) => ({ ...mark, content: { text: `${generation}/${i}` } })),
      }),
    });
    const rounds = new Set((await marksOf(dir)).filter(({ scope }) => scope === 'notes').map((m) => m.createdAtMs));
    // 1,000 marks were there when round 5 ended; those of rounds 1 and 2 had faded below what can be read.
    expect([...rounds]).toEqual([3, 4, 5, 6, 7]);
  });
});
