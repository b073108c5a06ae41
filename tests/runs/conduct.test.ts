import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { renderReport } from '../../src/analysis/report.ts';
import type { Fact } from '../../src/core/journal.ts';
import { randomStream } from '../../src/core/random.ts';
import type { Generation } from '../../src/core/records.ts';
import { readRun } from '../../src/index.ts';
import { openRunMarks } from '../../src/runtime/marks.ts';
import { cli } from '../cli/run-cli.ts';
import { scratchDir } from '../support/example-run.ts';
import { type Deed, type MarksRun, type OpenedRun, openMarksRun, type Seen } from './marks-run.ts';

/** Whole runs take their time on a busy machine. */
vi.setConfig({ testTimeout: 120_000 });

const note = (text: string) => ({ kind: 'observation', scope: 'notes', topic: 'hint', content: { text } });
const notes = (n: number, of: string) => Array.from({ length: n }, (_, i) => note(`${of}.${i}`));
const watched = { scopes: { notes: {} }, regulation: { envelope: { learningWindows: 3, coldWindows: 4 } } };

const context = {
  experiment: 'marks',
  question: '',
  niche: 'hill 1',
  command: 'galapagos run marks',
  version: '0',
  provider: 'memory',
  models: {},
};

async function finish(opened: OpenedRun) {
  const ending = await opened.execute();
  if (ending.status !== 'done') throw ending.error;
  return opened;
}
const ran = async (options: MarksRun) => finish(await openMarksRun(scratchDir(), options));

const body = <T>({ body: it }: Fact) => it as T;
const narrowed = (opened: OpenedRun) =>
  opened
    .facts('guard.narrowed')
    .map((fact) => body<{ lineage: string; scope: string | null }>(fact))
    .map((n) => `${n.lineage} ${n.scope}`);
const generationsOf = (opened: OpenedRun, lineage: string) =>
  opened
    .facts('lineage.finished')
    .map((fact) => body<{ generation: Generation }>(fact).generation)
    .filter((g) => g.lineage === lineage);

/** Two notes and two calls a round, until one of them overdoes it. */
const bursting =
  (from: number, until = Number.POSITIVE_INFINITY) =>
  ({ lineage, generation }: Pick<Seen, 'lineage' | 'generation'>): Deed => {
    const isRogue = lineage === 'rogue' && generation >= from && generation < until;
    return { marks: notes(isRogue ? 90 : 2, `${lineage}${generation}`), calls: ['default', 'default'] };
  };

async function notesOf(dir: string, author: string) {
  await using marks = await openRunMarks(dir, '.');
  return marks.entries({ all: true, author, scope: 'notes' }).map(({ mark }) => mark.createdAtMs);
}

describe('a lineage that floods a scope', () => {
  it('is shut out of it, and nobody else is', async () => {
    const opened = await ran({ rounds: 8, lineages: ['calm', 'rogue'], markspace: watched, act: bursting(6) });
    expect(narrowed(opened)).toEqual(['rogue notes']);
    const rogue = await notesOf(opened.dir, 'rogue');
    expect(rogue.filter((round) => round < 6)).toHaveLength(10);
    // Some of the flood went through before it was one; nothing after.
    expect(rogue.filter((round) => round === 6).length).toBeLessThan(45);
    expect(rogue.filter((round) => round > 6)).toEqual([]);
    expect(await notesOf(opened.dir, 'calm')).toHaveLength(16);
    const { stdout, stderr } = await cli(['marks', opened.dir]);
    expect(stderr).toMatch(/^round 6 {2}notes was closed to rogue: envelope: /m);
    expect(stdout).toContain('rounds');
    const { markdown } = renderReport([await readRun(opened.dir)], context);
    expect(markdown).toMatch(/Note\.\*\* In marks-paired-1 the guard closed notes to rogue in round 6/);
    // Evolving goes on for both: only that scope is closed.
    for (const id of ['calm', 'rogue'])
      expect(generationsOf(opened, id).filter((g) => g.verdict !== 'failed')).toHaveLength(9);
  });

  it('goes on when an authority lets it, from the next round on, and not before', async () => {
    const out = scratchDir();
    const opened = await openMarksRun(out, {
      rounds: 10,
      lineages: ['calm', 'rogue'],
      markspace: watched,
      act: bursting(6, 7),
    });
    const closed = (fact: Fact) => fact.type === 'round.closed' && body<{ round: number }>(fact).round === 7;
    let lifted: ReturnType<typeof cli> | null = null;
    await opened.execute({
      onFact: (_, fact) => {
        if (closed(fact)) lifted = cli(['marks', opened.run, '--lift', 'rogue', '--out', out]);
      },
    });
    expect(await lifted).toMatchObject({ exitCode: 0 });
    const rounds = await notesOf(opened.dir, 'rogue');
    expect([7, 8, 9, 10].map((round) => rounds.filter((r) => r === round).length)).toEqual([0, 2, 2, 2]);
    expect(opened.facts('guard.lifted').map((fact) => body(fact))).toMatchObject([
      { lineage: 'rogue', scope: null, round: 8 },
    ]);
  });
});

describe('a lineage that calls its model far more than it used to', () => {
  it('is refused with an error that clients know, while its peer goes on', async () => {
    const act = ({ lineage, generation }: Seen): Deed => ({
      calls: Array.from({ length: lineage === 'rogue' && generation === 6 ? 120 : 2 }, () => 'default'),
    });
    const opened = await ran({
      rounds: 7,
      lineages: ['calm', 'rogue'],
      markspace: { regulation: { envelope: { learningWindows: 3, coldWindows: 4 } } },
      more: { metaAgent: { maxCalls: 200 } },
      act,
    });
    // What it publishes in the same round is held back with it.
    expect(narrowed(opened)).toEqual(['rogue models', 'rogue strategies/rogue']);
    const statuses = (key: string) => opened.answers.get(key)!.map(({ status }) => status);
    expect(statuses('rogue/6')).toContain(200);
    expect(statuses('rogue/6').at(-1)).toBe(403);
    expect(opened.answers.get('rogue/6')!.at(-1)!.body).toMatchObject({
      error: { code: 'guard_denied', type: expect.any(String) },
    });
    expect(statuses('rogue/7')).toEqual([403, 403]);
    expect(['calm/6', 'calm/7'].flatMap(statuses)).toEqual([200, 200, 200, 200]);
    expect(opened.facts('guard.denied').every((fact) => body<{ lineage: string }>(fact).lineage === 'rogue')).toBe(
      true,
    );
  });
});

describe('limits of an experiment', () => {
  it('hold calls of models to a rate, each lineage to its own', async () => {
    const opened = await ran({
      rounds: 2,
      markspace: { scopes: { models: { rate: { perAgent: 3, window: 1 } } } },
      act: ({ lineage }) => ({ calls: Array.from({ length: lineage === 'a' ? 5 : 3 }, () => 'default') }),
    });
    const statuses = (key: string) => opened.answers.get(key)!.map(({ status }) => status);
    expect(statuses('a/1')).toEqual([200, 200, 200, 403, 403]);
    expect(['a/2', 'b/1', 'b/2'].map(statuses)).toEqual([
      [200, 200, 200, 403, 403],
      [200, 200, 200],
      [200, 200, 200],
    ]);
  });

  it('end what a budget pays for, and one need asks for more', async () => {
    const opened = await ran({
      rounds: 6,
      markspace: {
        scopes: { notes: {} },
        regulation: { budgets: [{ lineage: 'a', dimension: 'calls', limit: 4, warnAt: 0.5 }] },
      },
      act: ({ lineage, generation }) => ({ marks: [note(`${lineage}${generation}`)] }),
    });
    const statuses = [1, 2, 3, 4, 5, 6].map((g) => opened.answers.get(`a/${g}`)![0]!.status);
    expect(statuses).toEqual([200, 200, 200, 200, 403, 403]);
    await using marks = await openRunMarks(opened.dir, '.');
    const needs = marks.entries({ all: true, kinds: ['need'] }).map(({ mark }) => `${mark.author} ${mark.createdAtMs}`);
    expect(needs).toEqual(['a 2']);
    expect(await notesOf(opened.dir, 'b')).toHaveLength(6);
  });

  it('keep a barrier from the start', async () => {
    const opened = await ran({
      rounds: 1,
      markspace: {
        scopes: { notes: {} },
        regulation: { barriers: [{ scope: 'notes', lineage: 'a', reason: 'a control' }] },
      },
      act: ({ lineage }) => ({ marks: [note(lineage)] }),
    });
    expect([await notesOf(opened.dir, 'a'), await notesOf(opened.dir, 'b')]).toEqual([[], [1]]);
  });

  it('mark a score that nothing measured as untrusted, and keep secrets out', async () => {
    const opened = await ran({
      rounds: 1,
      markspace: { scopes: { notes: {} } },
      act: ({ lineage }) => ({
        marks:
          lineage === 'b' ? [] : [note('my score is 0.987'), note('AKIAIOSFODNN7EXAMPLE is the key'), note('plain')],
      }),
    });
    await using marks = await openRunMarks(opened.dir, '.');
    const kept = marks
      .entries({ scope: 'notes' })
      .map(({ mark }) => [JSON.stringify(mark).includes('0.987'), mark.flags]);
    expect(kept).toEqual([
      [true, ['untrusted']],
      [false, []],
    ]);
  });
});

describe('probes', () => {
  it('tell who reports what it was shown from who does not, and hold the liar to it', async () => {
    type Shown = { kind: string; topic: string; content: { reading: number } }[];
    const opened = await ran({
      rounds: 6,
      lineages: ['honest', 'liar', 'silent'],
      markspace: { scopes: { notes: {} }, regulation: { probes: { every: 2, answer: 2 } } },
      act({ lineage, marks }) {
        const shown = ((marks('readings.json') ?? []) as Shown).filter(({ kind }) => kind === 'observation');
        if (lineage === 'silent') return {};
        return {
          marks: shown.map(({ topic, content }) => ({
            ...note(''),
            topic,
            content: { reading: lineage === 'liar' ? (content.reading % 900_000) + 100_001 : content.reading },
          })),
        };
      },
    });
    const judged = opened.facts('probe.judged').map((fact) => body<{ lineage: string; verdict: string }>(fact));
    const verdictsOf = (id: string) => judged.filter(({ lineage }) => lineage === id).map(({ verdict }) => verdict);
    expect(verdictsOf('honest')).toEqual(['honest', 'honest', 'honest']);
    expect(verdictsOf('liar')[0]).toBe('dishonest');
    expect(verdictsOf('silent').every((verdict) => verdict === 'silent')).toBe(true);
    expect(narrowed(opened)).toEqual(['liar notes']);
  });
});

describe('a regulated run that is broken off', () => {
  const options: MarksRun = {
    rounds: 8,
    lineages: ['calm', 'rogue'],
    markspace: {
      scopes: {
        notes: { quota: 13 },
        regions: { deferred: { every: 1, maxPending: 2 } },
        models: { rate: { perAgent: 6, window: 3 } },
      },
      regulation: { envelope: { learningWindows: 3, coldWindows: 4 }, probes: { every: 3, answer: 2 } },
    },
    act: (seen) => {
      const act = {
        kind: 'action',
        scope: 'regions',
        resource: `r${seen.generation % 3}`,
        action: 'search',
        result: seen.lineage,
      };
      const { marks, calls } = bursting(6)(seen);
      return { calls: calls!, marks: [...marks!, act] };
    },
  };
  /** An act's own marks have ids of chance. */
  const withoutChance = (said: unknown) => JSON.stringify(said).replace(/(intent|action)-[0-9a-f-]{36}/g, '$1');
  /** Everything that must come out the same; ids of acts, and times of day, are nobody's. */
  const resultOf = async (opened: OpenedRun) => {
    await using marks = await openRunMarks(opened.dir, '.');
    const kept = marks.entries({ all: true }).map(({ mark }) => {
      const { id, order: _, supersedes, ...rest } = mark;
      return ['action', 'intent'].includes(mark.kind)
        ? { ...rest, supersedes: supersedes !== null }
        : { id, supersedes, ...rest };
    });
    const bodies = (type: string) =>
      opened
        .facts(type)
        .map(({ key, body: said }) => [key, said])
        .sort();
    return {
      marks: kept.map((mark) => JSON.stringify(mark)).sort(),
      commits: ['calm', 'rogue'].map((id) =>
        generationsOf(opened, id).map(({ commit, verdict, published }) => [commit, verdict, published]),
      ),
      ...{ narrowed: bodies('guard.narrowed'), judged: bodies('probe.judged'), planted: bodies('probe.planted') },
      delivered: bodies('marks.delivered').map(withoutChance),
      observed: bodies('guard.observed').map(withoutChance),
    };
  };

  it('resumes to the marks, flags and commits of an undisturbed one, wherever it was', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = randomStream(seed, 'crash');
    const whole = await openMarksRun(scratchDir(), options);
    // The disk as a crash would leave it: where a limit is just reached, and anywhere.
    const points = [/^calm\/6\/meta\/1\/0$/, /^calm\/7\/[0-9a-f]{16}\/2\/0$/, /^rogue\/6\/[0-9a-f]{16}\/20\/0$/];
    const left: { readonly dir: string; readonly at: string }[] = [];
    const ending = await whole.execute({
      onFact: (_, { type, key, seq }) => {
        const isPoint = type === 'guard.observed' && points.some((point) => point.test(key));
        if (!isPoint && (left.length > 3 || random.next() > 0.004)) return;
        const dir = join(scratchDir(), whole.run);
        cpSync(whole.dir, dir, { recursive: true });
        rmSync(join(dir, 'lock'));
        left.push({ dir, at: `${seq} ${type} ${key}` });
      },
    });
    if (ending.status !== 'done') throw ending.error;
    const expected = await resultOf(whole);
    expect(narrowed(whole)).toContain('rogue notes');
    expect(left.length, `seed ${seed}`).toBeGreaterThanOrEqual(points.length);
    for (const { dir, at } of left) {
      const resumed = await finish(whole.at(dir));
      expect(await resultOf(resumed), `seed ${seed}: broken off at ${at}`).toEqual(expected);
    }
  }, 240_000);
});
