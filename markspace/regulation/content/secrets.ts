import { findSecret, spellings } from '../../collect/content-rules.ts';
import { leavesOf } from '../leaves.ts';
import { allowed, type ContentPolicy, defineContentPolicy, rejected } from './policy.ts';

/**
 * The rule for genomes, applied to what a mark says, to the names in it and to its topic.
 * @param forbiddenTexts - Such as the run's own keys; also found in hexadecimal and base64.
 */
export function secretPolicy(forbiddenTexts: readonly string[]): ContentPolicy {
  const forbidden = forbiddenTexts.flatMap(spellings);
  return defineContentPolicy({
    name: 'secret',
    judge({ topic, content }) {
      // One text of them all: no secret that has a shape goes on beyond the end of a line.
      let text = topic ?? '';
      for (const { keys, value } of leavesOf(content)) {
        for (const key of keys) text += `\n${key}`;
        if (typeof value === 'string') text += `\n${value}`;
      }
      const found = findSecret(asLatin1(text), forbidden);
      return found === null ? allowed : rejected(`it holds ${found}: leave that out`);
    },
  });
}

const ascii = /^[\x00-\x7f]*$/;
const asLatin1 = (text: string) => (ascii.test(text) ? text : Buffer.from(text).toString('latin1'));
