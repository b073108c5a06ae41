import { describe, expect, it } from 'vitest';
import { wordsOfGrades } from '../../../src/niches/grading/grades.ts';
import { gradingParamsSchema } from '../../../src/niches/grading/niche.ts';
import { readTable, type TableOptions } from '../../../src/niches/grading/table.ts';
import { csvOf, fileWith, header, rowsOf } from './table-fixture.ts';

const { columns } = gradingParamsSchema.parse({ table: 'x.csv' });
const options: TableOptions = { columns, where: {}, words: wordsOfGrades };
const read = (text: string | Uint8Array, changes: Partial<TableOptions> = {}, name?: string) =>
  readTable(fileWith(text, name), { ...options, ...changes });
const row = (changes: Record<string, string> = {}) => {
  const all: Record<string, string> = {
    'Grading ID': 'G1',
    'Problem ID': 'P1',
    Problem: 'Prove it.',
    Solution: 'Thus.',
    'Grading guidelines': 'Be fair.',
    Response: 'So.',
    Points: '7',
    Reward: 'Correct',
    ...changes,
  };
  return all;
};
const csvRow = (changes: Record<string, string> = {}) =>
  header
    .split(',')
    .map((name) => `"${row(changes)[name]!.replaceAll('"', '""')}"`)
    .join(',');

describe('a table', () => {
  it('is read as IMO-GradingBench has it, from CSV and from JSON Lines alike', () => {
    const odd = { Response: 'First, "this".\r\nThen that.', Reward: ' Almost ' };
    const item = {
      ...{ id: 'G1', problem: 'Prove it.', response: odd.Response, guidelines: 'Be fair.', reference: 'Thus.' },
      ...{ group: 'P1', label: 'Almost', grade: 6 },
    };
    expect(read(`\uFEFF${header}\r\n${csvRow(odd)}\r\n`)).toEqual([item]);
    expect(read(`\uFEFF${JSON.stringify(row(odd))}\n\n`, {}, 'table.jsonl')).toEqual([item]);
  });

  it.each([
    ['incorrect', 0],
    ['PARTIAL', 1],
    ['almost', 6],
    ['Correct', 7],
    ['0', 0],
    ['6', 6],
    ['7.0', 7],
    ['half', 1],
  ])('takes the label %j for %i points', (label, points) => {
    const words = { ...wordsOfGrades, half: 1 } as const;
    expect(read(`${header}\n${csvRow({ Reward: label })}`, { words })[0]!.grade).toBe(points);
  });

  it('may have other columns, and none for guidelines, reference and problem', () => {
    const named = { ...columns, problem: 'question', response: 'answer', id: 'n', label: 'points' };
    const without = { ...named, guidelines: null, reference: null, group: null };
    const line = JSON.stringify({ n: 4, question: 'why?', answer: '', points: 6 });
    expect(read(line, { columns: without }, 'table.jsonl')).toEqual([
      { id: '4', problem: 'why?', response: '', guidelines: null, reference: null, group: null, label: '6', grade: 6 },
    ]);
  });

  it('leaves out the rows that are not asked for, numbers compared as numbers', () => {
    const text = `${header}\n${[0, 2, 6, 7].map((n) => csvRow({ 'Grading ID': `G${n}`, Points: `${n}.0` })).join('\n')}`;
    expect(read(text, { where: { Points: [0, 6, '7'] } }).map(({ id }) => id)).toEqual(['G0', 'G6', 'G7']);
  });
});

describe('a table that is wrong is refused with file, line and what was expected', () => {
  const two = `${csvRow()}\n`;
  it.each([
    [
      'a label that is no grade',
      `${header}\n${two}${csvRow({ 'Grading ID': 'G2', Reward: 'good' })}`,
      /table\.csv:3: "Reward" is "good", which is no grade; expected one of 0, 1, 6, 7, incorrect, partial, almost, correct/,
    ],
    ['points between the grades', `${header}\n${csvRow({ Reward: '3' })}`, /:2: "Reward" is "3"/],
    ['an id that occurs twice', `${header}\n\n${two}${csvRow()}`, /:4: Grading ID "G1" is that of line 3 too/],
    ['a row with too few fields', `${header}\n${two}G2,P1\n`, /:3: this row has 2 fields, and the header has 8/],
    [
      'a missing column',
      'Grading ID,Problem\n1,2',
      /:1: no column "Reward" \(niche\.params\.columns\.label\); there are: Grading ID, Problem/,
    ],
    ['a column that occurs twice', 'Reward,Reward\n1,2', /:1: two columns are called "Reward"/],
    ['an empty problem', `${header}\n${csvRow({ Problem: ' ' })}`, /:2: "Problem" is empty/],
    ['a quote that never ends', `${header}\n"G1,P1`, /:2: the quote that opens here never ends/],
    ['only a header', `${header}\n`, /table\.csv has no rows: expected one for each graded answer/],
    ['nothing', '', /has no rows/],
  ])('%s', (_what, text, message) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it.each([
    ['a line that is no object', '[1]\n', /table\.jsonl:1: expected a JSON object/],
    ['a line that is no JSON', `${JSON.stringify(row())}\n{`, /:2: expected a JSON object/],
    [
      'a field that is neither text nor number',
      JSON.stringify({ ...row(), Problem: ['a'] }),
      /:1: "Problem" is neither text nor a number/,
    ],
    ['a field that one line lacks', `${JSON.stringify(row())}\n{"Grading ID":"x"}`, /:2: no column "Problem"/],
  ])('in JSON Lines, %s', (_what, text, message) => {
    expect(() => read(text, {}, 'table.jsonl')).toThrow(message);
  });

  it('when nothing passes, when it is no UTF-8, and when it is of another kind', () => {
    expect(() => read(csvOf(rowsOf({ correct: 3 })), { where: { Points: [1] } })).toThrow(
      /none of its 3 rows is what niche\.params\.where asks for/,
    );
    expect(() => read(Uint8Array.of(0x61, 0xff))).toThrow(/cannot be read as UTF-8 text/);
    expect(() => read('a', {}, 'table.xlsx')).toThrow(/is neither \.csv nor \.jsonl/);
  });

  it('when it is not there, with how to get it', () => {
    const missing = { code: 'CONFIG_INVALID', message: 'the table /nowhere/table.csv does not exist' };
    expect(() => readTable('/nowhere/table.csv', { ...options, get: 'write to the author' })).toThrow(
      expect.objectContaining({ ...missing, details: { next: 'write to the author' } }),
    );
    expect(() => readTable('/nowhere/table.csv', options)).toThrow(
      expect.objectContaining({ ...missing, details: { next: expect.stringContaining('niche.params.table') } }),
    );
  });
});
