import { expect, it } from 'vitest';
import { logRows } from '../../src/cli/log/log-rows.ts';
import { drawPhylogeny } from '../../src/cli/log/phylogeny.ts';
import { glyphsFor } from '../../src/cli/text/glyphs.ts';
import { createPaint } from '../../src/cli/text/paint.ts';
import { adoptionFrom, generation, record } from './generations.ts';

const run = record([
  generation('a', 0, { score: 1 }),
  generation('a', 1, { score: 1.5 }),
  generation('a', 2, {
    score: null,
    verdict: 'failed',
    failure: { stage: 'import-check', message: 'no \x1b[31mmodule\nutils' },
  }),
  generation('b', 0, { score: 1 }),
  generation('b', 1, {
    score: 0.5,
    verdict: 'archived',
    checks: [{ name: 'improvement', outcome: 'refuse', reason: '-0.5 against generation 0' }],
  }),
  generation('b', 2, { score: 2, parent: 0, adoption: adoptionFrom('a', 1), changedFiles: ['a', 'b', 'c'] }),
]);
const draw = (rows = logRows(run), lineages = ['a', 'b'], env = {}) =>
  drawPhylogeny(rows, lineages, { glyphs: glyphsFor(env), paint: createPaint(false) });

it('draws a column per lineage, newest first, with an edge from an adopter to its source', () => {
  expect(draw()).toEqual([
    '⊘    a g2     –  failed           from g1  pack.mjs  import-check: no module utils',
    '│ ◎  b g2  2.00  promoted  +1.00  from g0  a, b +1   adopted a g1: 12 lines, 60 % of the change',
    '├─┤',
    '● │  a g1  1.50  promoted  +0.50  from g0  pack.mjs',
    '│ ○  b g1  0.50  archived  −0.50  from g0  pack.mjs  improvement -0.5 against generation 0',
    '● │  a g0  1.00  seed',
    '  ●  b g0  1.00  seed',
  ]);
});

it('draws no edge to a generation that is not shown, and ends a column that has nothing below', () => {
  const promoted = logRows(run).filter((row) => row.verdict === 'promoted');
  expect(draw(promoted).map((line) => line.slice(0, 4).trimEnd())).toEqual(['  ◎', '├─╯', '●']);
  const onlyB = logRows(run).filter((row) => row.lineage === 'b');
  expect(draw(onlyB, ['b']).map((line) => line.slice(0, 3).trimEnd())).toEqual(['◎', '○', '●']);
});

it('crosses the columns between an adopter and its source', () => {
  const three = record([
    generation('a', 0, { score: 1 }),
    generation('b', 0, { score: 1 }),
    generation('c', 0, { score: 1 }),
    generation('a', 1, { score: 2, adoption: adoptionFrom('c', 0) }),
  ]);
  const lines = draw(logRows(three), ['a', 'b', 'c']);
  expect(lines.map((line) => line.slice(0, 6).trimEnd())).toEqual(['◎', '├───┤', '●', '  ●', '    ●']);
});

it('uses plain characters on a dumb terminal', () => {
  expect(draw(logRows(run), ['a', 'b'], { TERM: 'dumb' }).join('\n')).not.toMatch(/[●○✕⊘◎│─┤├╯]/);
});
