import { allowed, type ContentPolicy, defineContentPolicy, rejected } from './policy.ts';

/** @param maxBytes - Of the content as JSON in UTF-8. */
export function sizePolicy(maxBytes: number): ContentPolicy {
  return defineContentPolicy({
    name: 'size',
    judge({ content }) {
      const bytes = Buffer.byteLength(JSON.stringify(content));
      if (bytes <= maxBytes) return allowed;
      return rejected(`the content has ${bytes} bytes; at most ${maxBytes} are allowed: say it shorter`);
    },
  });
}
