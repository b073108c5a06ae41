import { describe, expect, it } from 'vitest';
import { remainingMs } from '../../src/cli/progress/estimate.ts';
import { plainLine } from '../../src/cli/progress/plain-progress.ts';
import { advanceProgress, initialProgress, type ProgressState } from '../../src/cli/progress/progress-state.ts';
import { renderProgress } from '../../src/cli/progress/render-progress.ts';
import { glyphsFor } from '../../src/cli/text/glyphs.ts';
import { createPaint } from '../../src/cli/text/paint.ts';
import { displayWidth } from '../../src/cli/text/width.ts';
import type { ProgressEvent } from '../../src/index.ts';
import { factOf, finished, generation, started } from './generations.ts';

const view = { columns: 100, rows: 24, nowMs: 10_000, paint: createPaint(false), glyphs: glyphsFor({}) };

/** One event a second. */
function stateAfter(...events: ProgressEvent[]): ProgressState {
  return events.reduce((state, event, i) => advanceProgress(state, event, (i + 1) * 1_000), initialProgress(0));
}

const announced = (runs: number): ProgressEvent => ({
  type: 'experiment.started',
  provider: 'process',
  isolation: 'namespaces',
  parallel: 2,
  plan: {
    experiment: 'packing',
    arms: ['paired'],
    seeds: [1],
    lineages: { a: 'm', b: 'm' },
    runs,
    items: { train: 1, selection: 1, test: 1 },
    generations: 20,
    evaluations: 1,
    maxTokens: 1,
    maxUsd: null,
  },
});

const some = [
  announced(3),
  started('p-1'),
  finished('p-1', generation('a', 0, { score: 1 })),
  finished('p-1', generation('a', 1, { score: 0.5, verdict: 'archived' })),
  finished('p-1', generation('a', 2, { score: 2, parent: 0 })),
];

describe('both displays', () => {
  it('say why a run waits for room for a sandbox', () => {
    const event: ProgressEvent = { type: 'sandbox.waiting', run: 'p-1', why: '64 open already' };
    const said = 'p-1 waits for room for a sandbox: 64 open already';
    expect(plainLine(stateAfter(...some), event)).toBe(said);
    const footer = (...events: ProgressEvent[]) => renderProgress(stateAfter(...some, ...events), view).slice(-2);
    expect(footer(event)).toEqual([said, 'Ctrl-C stops at the end of the round']);
    for (const goesOn of [
      finished('p-1', generation('b', 1, { score: 1 })),
      { type: 'run.ended', run: 'p-1', status: 'done', error: null } as const,
    ]) {
      expect(footer(event, goesOn)).not.toContain(said);
    }
  });
});

describe('the live display', () => {
  it('shows a header, and a line for each lineage under way', () => {
    const lines = renderProgress(stateAfter(...some, factOf('p-1', 'round.opened', '3', { round: 3 })), view);
    expect(lines).toEqual([
      'packing  0/3 runs done  10s  3.6k tokens  $1.50',
      '▶ p-1  a  g2/10  ▁▁█  2.00  3.6k  ● promoted +1.00  editing 4s',
      '▶ p-1  b  g–/10          –     0                    editing 4s',
      'Ctrl-C stops at the end of the round',
    ]);
  });

  it('folds a finished run into one line, and says why one failed', () => {
    const state = stateAfter(
      ...some,
      started('p-2'),
      { type: 'run.ended', run: 'p-1', status: 'done', error: null },
      { type: 'run.ended', run: 'p-2', status: 'failed', error: new Error('disk\x1b[2J full') },
    );
    expect(renderProgress(state, view)).toEqual([
      'packing  2/3 runs done  10s  3.6k tokens  $1.50',
      '✓ p-1  5s  a 2.00 (g2), b no score',
      '✗ p-2  2s  disk full',
      'Ctrl-C stops at the end of the round',
    ]);
  });

  it.each([1, 2, 3, 5, 8, 24])('stays below the window of %i rows and within its width', (rows) => {
    const many = Array.from({ length: 12 }, (_, i) => started(`a-rather-long-name-of-a-run-${i}`));
    const ended = many.slice(0, 6).map((e): ProgressEvent => {
      return { type: 'run.ended', run: (e as { run: string }).run, status: 'done', error: null };
    });
    const state = stateAfter(announced(30), ...many, ...ended);
    for (const columns of [10, 40, 80]) {
      const lines = renderProgress(state, { ...view, rows, columns });
      expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
      expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(columns);
    }
  });

  it('counts what it has no room for, and keeps the runs under way before the finished ones', () => {
    const runs = ['p-1', 'p-2', 'p-3', 'p-4'];
    const state = stateAfter(
      ...runs.map((run) => started(run)),
      ...['p-1', 'p-2', 'p-3'].map((run): ProgressEvent => ({ type: 'run.ended', run, status: 'done', error: null })),
    );
    const lines = renderProgress(state, { ...view, rows: 7 });
    expect(lines.slice(1, 5)).toEqual([
      expect.stringContaining('… 2 more runs ended'),
      expect.stringContaining('✓ p-3'),
      expect.stringMatching(/p-4 {2}a/),
      expect.stringMatching(/p-4 {2}b/),
    ]);
  });

  it('says what it waits for after a minute of silence', () => {
    const state = stateAfter(...some, factOf('p-1', 'meta-agent.finished', 'a/3', {}));
    expect(renderProgress(state, { ...view, nowMs: 65_000 }).join('\n')).not.toContain('waiting');
    expect(renderProgress(state, { ...view, nowMs: 70_000 }).at(-2)).toBe(
      'nothing for 1m 04s: waiting for p-1 b g0 (starting), p-1 a g3 (measuring)',
    );
  });

  it("shows a user's wish to stop", () => {
    const state = { ...stateAfter(...some), notice: 'stopping at the end of the round' };
    expect(renderProgress(state, view).at(-1)).toBe('stopping at the end of the round');
  });
});

describe('the estimate', () => {
  it('waits for a pace, then spreads it over what is left, replayed work not counted', () => {
    const two = [0, 1].flatMap((n) => ['a', 'b'].map((l) => finished('p-1', generation(l, n, { score: 1 }))));
    expect(remainingMs(stateAfter(started('p-1', 3), ...two.slice(0, 2)), 4_000)).toBeNull();
    expect(remainingMs(stateAfter(started('p-1', 3), ...two), 4_000)).toBe(4_000);
    const replayed = [0, 1].flatMap((n) => ['a', 'b'].map((l) => finished('p-1', generation(l, n), true)));
    expect(remainingMs(stateAfter(started('p-1', 3), ...replayed), 4_000)).toBeNull();
  });
});

describe('plain lines', () => {
  const linesOf = (...events: ProgressEvent[]) => {
    let state = initialProgress(0);
    return events.flatMap((event, i) => {
      state = advanceProgress(state, event, (i + 1) * 1_000);
      return plainLine(state, event) ?? [];
    });
  };

  it('say loudly when the sandbox isolates nothing', () => {
    const event = { ...announced(1), isolation: 'none' } as ProgressEvent;
    expect(plainLine(stateAfter(event), event)).toMatch(/sandbox process, which does NOT isolate/);
    expect(stateAfter(event).notice).toMatch(/does NOT isolate/);
  });

  it('say what started, each finished generation, and how a run ended', () => {
    expect(
      linesOf(
        ...some,
        factOf('p-1', 'round.closed', '2', { round: 2 }),
        factOf('p-1', 'lineage.finished', 'b/3', { generation: null, stop: 'budget' }),
        { type: 'run.ended', run: 'p-1', status: 'stopped', error: null },
      ),
    ).toEqual([
      'packing: 3 runs, 2 at a time, sandbox process',
      'p-1 started: arm paired, seed 1, 10 rounds, lineages a, b',
      'p-1 a g0 seed  1.000  1.2k tokens',
      'p-1 a g1 archived  0.500  −0.500  1.2k tokens  pack.mjs',
      'p-1 a g2 promoted  2.00  +1.00  1.2k tokens  pack.mjs',
      'p-1 stopped after 6s: a 2.00 (g2), b no score',
    ]);
  });

  it('do not repeat what an earlier session did, and say where it goes on', () => {
    expect(
      linesOf(
        started('p-1'),
        finished('p-1', generation('a', 0, { score: 1 }), true),
        factOf('p-1', 'session.opened', '9', { pid: 1 }),
        finished('p-1', generation('a', 1, { score: 2 })),
      ).slice(1),
    ).toEqual(['p-1 resumed after 1 generation', 'p-1 a g1 promoted  2.00  +1.00  1.2k tokens  pack.mjs']);
  });

  it('show no control character of a file name or a message', () => {
    const bad = generation('a', 1, {
      verdict: 'failed',
      changedFiles: ['\x1b[2Jevil\n.mjs'],
      failure: { stage: 'collect', message: 'path \u202e "\x07"' },
    });
    const [, line] = linesOf(started('p-1'), finished('p-1', bad));
    expect(line).toBe('p-1 a g1 failed  no score  1.2k tokens  evil .mjs  collect: path   " "');
  });
});
