import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isToken, parseCommitId, parseGenomeId, parseLineageId, parseRunId } from '../../src/core/ids.ts';

/** Any text at all, halves of surrogate pairs included; half of it from the characters that ids use. */
const codeUnits = (maxLength: number) =>
  fc
    .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(45, 48, 97, 122)), { maxLength })
    .map((units) => String.fromCharCode(...units));

describe('an id', () => {
  it.each(['a', '0', 'packing-paired-1', 'a'.repeat(63), '0-'])('may be the token %j', (text) => {
    expect(isToken(text)).toBe(true);
    expect(parseRunId(text)).toBe(text);
  });

  it.each(['', '-a', 'A', 'a_b', 'a.b', 'a b', 'a*', 'a>', '../x', 'a/b', 'é', 'a\n', 'a\0', 'a'.repeat(64)])(
    'may not be %j, and the error quotes it',
    (text) => {
      expect(isToken(text)).toBe(false);
      expect(() => parseLineageId(text)).toThrow(
        expect.objectContaining({ code: 'ID_INVALID', message: expect.stringContaining(JSON.stringify(text)) }),
      );
    },
  );

  it('is one NATS token and one path segment, whatever text was accepted', () => {
    fc.assert(
      fc.property(codeUnits(70), (text) => {
        if (isToken(text)) expect(text).toMatch(/^[a-z0-9][a-z0-9-]*$/);
        else expect(() => parseRunId(text)).toThrow();
      }),
    );
  });

  it('names a genome by 64 lower-case hex digits and a commit by 40 or 64', () => {
    expect(parseGenomeId('ab'.repeat(32))).toBe('ab'.repeat(32));
    expect(parseCommitId('0f'.repeat(20))).toBe('0f'.repeat(20));
    expect(parseCommitId('0f'.repeat(32))).toBe('0f'.repeat(32));
    for (const bad of ['', 'ab'.repeat(20), 'AB'.repeat(32), 'xy'.repeat(32), `${'ab'.repeat(31)}a\n`]) {
      expect(() => parseGenomeId(bad)).toThrow(expect.objectContaining({ code: 'ID_INVALID' }));
    }
    expect(() => parseCommitId('HEAD')).toThrow('40 or 64');
  });
});
