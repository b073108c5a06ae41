import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../../src/niches/grading/csv.ts';
import { itWith } from '../../support/require-service.ts';

const fieldsOf = (text: string) => parseCsv(text).map(({ fields }) => fields);
const quote = (field: string) => `"${field.replaceAll('"', '""')}"`;

describe('CSV', () => {
  it('has fields with commas, line breaks and doubled quotes in quotes', () => {
    expect(fieldsOf('a,"b, c","d\r\ne","f ""g"""\r\nh,"",,\r\n')).toEqual([
      ['a', 'b, c', 'd\r\ne', 'f "g"'],
      ['h', '', '', ''],
    ]);
  });

  it('may begin with a byte order mark, end without a line break, and have empty lines', () => {
    expect(fieldsOf('\uFEFFa,b\n\n1,2\r\n\r\n3,4')).toEqual([
      ['a', 'b'],
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(fieldsOf('')).toEqual([]);
  });

  it('keeps blanks, and an empty field at the end', () => {
    expect(fieldsOf(' a , b,')).toEqual([[' a ', ' b', '']]);
    expect(fieldsOf('a,\nb,')).toEqual([
      ['a', ''],
      ['b', ''],
    ]);
  });

  it('says in which line of the file a record begins', () => {
    expect(parseCsv('a\n"b\nc\r\nd"\n\ne').map(({ line }) => line)).toEqual([1, 2, 6]);
  });

  it.each([
    ['a\n"b\n', 2, 'never ends'],
    ['a\n"b\nc"d', 3, 'behind a closing quote'],
    ['a\nb"c"', 2, 'not quoted'],
  ])('refuses %j, with the line', (text, line, message) => {
    expect(() => parseCsv(text)).toThrow(expect.objectContaining({ line, message: expect.stringContaining(message) }));
  });

  const field = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', ',', '"', '\n', '\r\n', '\r', ' "a", '));
  const table = fc.array(fc.array(field, { minLength: 1, maxLength: 5 }), { maxLength: 6 });

  it('gives back whatever was written in quotes, in either kind of line', () => {
    fc.assert(
      fc.property(table, fc.constantFrom('\n', '\r\n'), fc.boolean(), (rows, end, isEnded) => {
        const text = rows.map((row) => row.map(quote).join(',')).join(end) + (isEnded ? end : '');
        expect(fieldsOf(text)).toEqual(rows);
      }),
    );
  });

  const python = spawnSync('python3', ['-c', ''], { encoding: 'utf8' }).status === 0 ? null : 'python3 does not run';
  itWith('Python', python)('is read as Python writes it, with as few quotes as can be', () => {
    const rows = fc.sample(
      fc.array(
        field.filter((text) => !text.includes('\0') && text !== ''),
        { minLength: 2, maxLength: 4 },
      ),
      { numRuns: 200, seed: 1 },
    );
    const program = 'import csv, json, sys\ncsv.writer(sys.stdout).writerows(json.load(sys.stdin))';
    const { stdout } = spawnSync('python3', ['-X', 'utf8', '-c', program], {
      input: JSON.stringify(rows),
      encoding: 'utf8',
      env: { ...process.env, PYTHONIOENCODING: 'utf-8:surrogatepass' },
    });
    expect(fieldsOf(stdout)).toEqual(rows);
  });
});
