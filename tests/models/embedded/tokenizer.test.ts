import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createTokenizer,
  exampleTokens,
  promptTokens,
  vocabularySchema,
} from '../../../src/models/embedded/tokenizer.ts';

const words = ['rm', 'mv', '@1', '@2', 'größe'];

describe('a tokenizer with bytes', () => {
  const tokenizer = createTokenizer({ words, hasBytes: true });
  const piece = fc.oneof(
    fc.constantFrom(...words, ' ', '\n', '  ', '\u00a0'),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
  );
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

  it('gives every well-formed text back as it was', () => {
    fc.assert(
      fc.property(text, (said) => {
        const tokens = tokenizer.encode(said);
        expect(tokenizer.decode(tokens)).toBe(said);
        expect(tokens.every((token) => token > 2 && token < tokenizer.size)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('spends one token on a listed word and none on the blank between two', () => {
    expect(tokenizer.encode('rm @1 größe')).toEqual([3, 5, 7]);
    expect(tokenizer.encode('rm abc')).toHaveLength(4);
    expect(createTokenizer({ words: [], hasBytes: true }).encode('rm @1')).toHaveLength(5);
  });

  it('shows what is no text as nothing, and broken UTF-8 as such', () => {
    expect(tokenizer.decode([0, 3, 2, 5, 1])).toBe('rm @1');
    expect(tokenizer.decode([tokenizer.encode('é')[0]!])).toBe('\ufffd');
  });
});

describe('a tokenizer of words alone', () => {
  const tokenizer = createTokenizer({ words, hasBytes: false });

  it('reads words whatever the white space between them', () => {
    expect(tokenizer.encode('\n rm\t@1  @2 ')).toEqual([3, 5, 6]);
    expect(tokenizer.decode([3, 5, 6])).toBe('rm @1 @2');
    expect([tokenizer.encode(''), tokenizer.decode([])]).toEqual([[], '']);
  });

  it('names a word that it does not know', () => {
    expect(() => tokenizer.encode('rm @7')).toThrow(/no word "@7"/);
  });

  it('has as many ids as the model has rows', () => {
    expect(tokenizer.size).toBe(8);
    expect(createTokenizer({ words: [...words, 'x'], hasBytes: false }).size).toBe(16);
  });
});

describe('a vocabulary', () => {
  it.each([
    ['a word twice', ['rm', 'rm']],
    ['a word with white space', ['rm -r']],
    ['an empty word', ['']],
  ])('is refused with %s', (_, list) => {
    expect(vocabularySchema.safeParse({ words: list, hasBytes: false }).success).toBe(false);
  });
});

describe('an example', () => {
  it('is the prompt as it is read, then the completion and its end', () => {
    const tokenizer = createTokenizer({ words, hasBytes: false });
    const { tokens, firstTarget } = exampleTokens(tokenizer, '@1 größe', 'rm @1');
    expect(tokens).toEqual([0, 5, 7, 2, 3, 5, 1]);
    expect(tokens.slice(0, firstTarget)).toEqual(promptTokens(tokenizer, '@1 größe'));
  });
});
