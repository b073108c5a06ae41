import { describe, expect, it } from 'vitest';
import { clean, cleanLines } from '../../src/cli/text/clean.ts';
import {
  decimalsFor,
  formatChange,
  formatCount,
  formatDuration,
  formatScore,
  formatUsd,
} from '../../src/cli/text/numbers.ts';
import { createPaint, wantsColor } from '../../src/cli/text/paint.ts';
import { columns, crop, displayWidth } from '../../src/cli/text/width.ts';

describe("a candidate's text", () => {
  it.each([
    ['\x1b[31mred\x1b[0m', 'red'],
    ['\x1b]0;title\x07text', 'text'],
    ['two\nlines\r\n', 'two lines'],
    ['back\b\bspace', 'back space'],
    ['right\u202eleft', 'right left'],
    ['c1\u009b2Jend', /^c1.*end$/],
    ['lone \ud800half', 'lone  half'],
  ])('loses what a terminal would obey: %j', (text, expected) => {
    const shown = clean(text);
    expect(shown).toEqual(expected instanceof RegExp ? expect.stringMatching(expected) : expected);
    expect(shown).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('keeps its lines and tabs, and shows what it hides, where lines are shown', () => {
    expect(cleanLines('a\n\tb\r\n\x1b[2Jc\x7f\u202ed\u009b')).toBe('a\n\tb␍\n␛[2Jc␡�d�');
  });
});

describe('cropping', () => {
  it('counts columns, not code units, and never passes the width', () => {
    expect(displayWidth('日本x')).toBe(5);
    expect(displayWidth('é👍🏽')).toBe(3);
    expect(crop('日本語', 4)).toBe('日…');
    for (let width = 0; width < 12; width += 1) {
      expect(displayWidth(crop('a日b本c👍d', width))).toBeLessThanOrEqual(width);
    }
  });

  it('leaves a text that fits as it is, and ends a color that it cuts', () => {
    const red = createPaint(true).red('abcdef');
    expect(crop(red, 6)).toBe(red);
    expect(crop(red, 3)).toBe('\x1b[31mab…\x1b[0m');
  });

  it('aligns columns by what is seen', () => {
    const paint = createPaint(true);
    const lines = columns(
      [
        [paint.red('a'), '1', 'x'],
        ['bbb', '22', 'y'],
      ],
      [1],
    );
    expect(lines.map((line) => line.replace(/\x1b\[\d+m/g, ''))).toEqual(['a     1  x', 'bbb  22  y']);
  });
});

describe('numbers', () => {
  it.each([
    [[2.028, 2.125], 4],
    [[0, 100], 2],
    [[1, 1.000001], 8],
    [[], 2],
    [[null, 0], 2],
  ])('shows a hundredth of the spread of %j', (scores, decimals) => {
    expect(decimalsFor(scores)).toBe(decimals);
  });

  it('has true minus signs, no negative zero, and no score where none was measured', () => {
    expect([formatScore(-1.25, 1), formatScore(-0.001, 2), formatScore(null, 2)]).toEqual(['−1.3', '0.00', '–']);
    expect([formatChange(0.5, 1), formatChange(0.001, 1), formatChange(-0.5, 1), formatChange(null, 1)]).toEqual([
      '+0.5',
      '0.0',
      '−0.5',
      '',
    ]);
  });

  it('shortens counts, times and costs', () => {
    expect([950, 9_512, 412_345, 999_700, 1_290_000].map(formatCount)).toEqual(['950', '9.5k', '412k', '1.0M', '1.3M']);
    expect([400, 31_000, 125_000, 3_840_000].map(formatDuration)).toEqual(['0.4s', '31s', '2m 05s', '1h 04m']);
    expect([0, 0.0312, 4.1, null].map(formatUsd)).toEqual(['$0.00', '$0.0312', '$4.10', 'not metered']);
  });
});

describe('color', () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ])('on a terminal: %s, environment %j: %s', (isTTY, env, expected) => {
    expect(wantsColor({ isTTY }, env)).toBe(expected);
  });
});
