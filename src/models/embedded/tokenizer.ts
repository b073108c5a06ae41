import { z } from 'zod';
import { ModelFailedError } from '../../core/errors.ts';

/** What a tokenizer is made from; lies beside a base's weights. */
export const vocabularySchema = z.strictObject({
  /** One token each, without white space, in the order of their ids. */
  words: z
    .array(z.string().regex(/^\S+$/))
    .refine((words) => new Set(words).size === words.length, 'a word comes twice'),
  /** Whether any other text is spelled in bytes. Without it a word that is not listed is an error. */
  hasBytes: z.boolean(),
});

export type Vocabulary = Readonly<z.output<typeof vocabularySchema>>;

/** Begin and end of a text, and what stands between prompt and completion. */
export const special = { begin: 0, end: 1, separator: 2 } as const;
const firstWord = 3;

export interface Tokenizer {
  /** Number of ids, rounded up to a multiple of 8; the last few may stand for nothing. */
  readonly size: number;
  /** @throws {ModelFailedError} naming a word that the vocabulary does not have. */
  encode(text: string): number[];
  /** What is no text, such as the end, is left out. */
  decode(tokens: readonly number[]): string;
}

/**
 * Words as they stand between white space, and bytes for everything else.
 *
 * Between two words a single blank needs no token. With bytes every well-formed
 * text comes back as it was; without them white space comes back as one blank.
 */
export function createTokenizer({ words, hasBytes }: Vocabulary): Tokenizer {
  const ids = new Map(words.map((word, i) => [word, firstWord + i]));
  const firstByte = firstWord + words.length;
  const size = Math.ceil((firstByte + (hasBytes ? 256 : 0)) / 8) * 8;
  const spell = (text: string) => Array.from(Buffer.from(text), (byte) => firstByte + byte);

  const encode = (text: string) => {
    if (!hasBytes) {
      const unknown = text.split(/\s+/).find((word) => word !== '' && !ids.has(word));
      if (unknown === undefined) return text.split(/\s+/).flatMap((word) => ids.get(word) ?? []);
      throw new ModelFailedError(`the model's vocabulary has no word ${JSON.stringify(unknown.slice(0, 40))}`);
    }
    const pieces = text.match(/\s+|\S+/g) ?? [];
    return pieces.flatMap((piece, i) => {
      const [before, after] = [pieces[i - 1], pieces[i + 1]];
      const isImplied =
        piece === ' ' && before !== undefined && after !== undefined && (ids.has(before) || ids.has(after));
      return isImplied ? [] : (ids.get(piece) ?? spell(piece));
    });
  };

  return {
    size,
    encode,
    decode(tokens) {
      let text = '';
      for (let i = 0; i < tokens.length; ) {
        const bytes: number[] = [];
        while (i < tokens.length && isByte(tokens[i]!)) bytes.push(tokens[i++]! - firstByte);
        const piece = bytes.length > 0 ? Buffer.from(bytes).toString('utf8') : (words[tokens[i++]! - firstWord] ?? '');
        const isJoined = text === '' || piece === '' || /\s$/.test(text) || /^\s/.test(piece);
        text += isJoined ? piece : ` ${piece}`;
      }
      return text;
    },
  };

  function isByte(token: number): boolean {
    return hasBytes && token >= firstByte && token < firstByte + 256;
  }
}

/** What the model reads before it answers. */
export function promptTokens(tokenizer: Tokenizer, prompt: string): number[] {
  return [special.begin, ...tokenizer.encode(prompt), special.separator];
}

/** What it learns from: the completion and its end, given the prompt. */
export function exampleTokens(tokenizer: Tokenizer, prompt: string, completion: string) {
  const read = promptTokens(tokenizer, prompt);
  return { tokens: [...read, ...tokenizer.encode(completion), special.end], firstTarget: read.length };
}
