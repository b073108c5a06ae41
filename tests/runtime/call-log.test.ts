import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ChatRequest, ModelAnswer } from '../../src/core/chat.ts';
import type { EmbeddingAnswer } from '../../src/core/embedding.ts';
import { parseLineageId } from '../../src/core/ids.ts';
import { type GenerationCalls, openGenerationCalls } from '../../src/runtime/call-log.ts';
import { toCompletion, toEmbeddingList } from '../support/scripted-model.ts';
import { scratch } from './scratch.ts';

const alice = parseLineageId('alice');
const request = (...texts: string[]): ChatRequest => ({
  model: 'm',
  messages: texts.map((content) => ({ role: 'user', content })),
});
const answer = (text: string): ModelAnswer => ({ completion: toCompletion(text), costUsd: 0.1, source: 'live' });

function record(
  calls: GenerationCalls,
  index: number,
  changes: { purpose?: string; texts?: string[]; answer?: ModelAnswer | null } = {},
) {
  const { purpose = 'meta', texts = [`q${index}`] } = changes;
  calls.record(purpose, {
    index,
    digest: `d${index}`,
    request: request(...texts),
    latencyMs: 3,
    charged: { promptTokens: 10, completionTokens: 5, usd: 0.1 },
    answer: changes.answer === undefined ? answer(`a${index}`) : changes.answer,
    error: changes.answer === null ? { code: 'MODEL_FAILED', message: 'no', attempts: 2 } : null,
  });
}

async function linesOf(dir: string, generation = 2): Promise<Record<string, unknown>[]> {
  const name = `g${String(generation).padStart(5, '0')}.jsonl`;
  return (await readFile(join(dir, 'alice', name), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the calls of a generation', () => {
  it('are recalled by purpose, number and digest, after a restart', async () => {
    const dir = await scratch();
    record(openGenerationCalls(dir, alice, 2), 0);
    const calls = openGenerationCalls(dir, alice, 2);
    expect(calls.recall('meta', 0, 'd0')).toEqual(answer('a0'));
    expect(calls.recall('meta', 0, 'another question')).toBeNull();
    expect(calls.recall('meta', 1, 'd0')).toBeNull();
    expect(calls.recall('s1', 0, 'd0')).toBeNull();
    expect(openGenerationCalls(dir, alice, 3).recall('meta', 0, 'd0')).toBeNull();
    expect(openGenerationCalls(dir, parseLineageId('bob'), 2).recall('meta', 0, 'd0')).toBeNull();
  });

  it('that failed are written down, and asked again', async () => {
    const dir = await scratch();
    record(openGenerationCalls(dir, alice, 2), 0, { answer: null });
    expect(await linesOf(dir)).toMatchObject([{ answer: null, error: { code: 'MODEL_FAILED' } }]);
    expect(openGenerationCalls(dir, alice, 2).recall('meta', 0, 'd0')).toBeNull();
  });

  it('write only the messages that are new in their conversation', async () => {
    const dir = await scratch();
    const calls = openGenerationCalls(dir, alice, 2);
    record(calls, 0, { texts: ['a', 'b'] });
    record(calls, 0, { purpose: 's1', texts: ['a', 'x'] });
    record(calls, 1, { texts: ['a', 'b', 'c'] });
    record(calls, 2, { texts: ['a', 'changed', 'c'] });
    expect((await linesOf(dir)).map((l) => [l.purpose, l.sharedMessages, (l.messages as unknown[]).length])).toEqual([
      ['meta', 0, 2],
      ['s1', 0, 2],
      ['meta', 2, 1],
      ['meta', 1, 2],
    ]);
  });

  it('hold embeddings beside the conversation that they interrupt', async () => {
    const dir = await scratch();
    const calls = openGenerationCalls(dir, alice, 2);
    const embedded: EmbeddingAnswer = { embeddings: toEmbeddingList([[0.5, 1]]), costUsd: null, source: 'live' };
    record(calls, 0, { texts: ['a', 'b'] });
    calls.record('meta', {
      index: 1,
      digest: 'd1',
      request: { model: 'm', input: ['some text'] },
      latencyMs: 3,
      charged: { promptTokens: 2, completionTokens: 0, usd: null },
      answer: embedded,
      error: null,
    });
    record(calls, 2, { texts: ['a', 'b', 'c'] });
    expect(openGenerationCalls(dir, alice, 2).recall('meta', 1, 'd1')).toEqual(embedded);
    const [, second, third] = await linesOf(dir);
    expect(second).toMatchObject({ input: ['some text'], charged: { promptTokens: 2, usd: null } });
    expect(third).toMatchObject({ sharedMessages: 2 });
  });

  it('survive a last line torn at any byte: the others are recalled, and the next is not glued to it', async () => {
    const dir = await scratch();
    const calls = openGenerationCalls(dir, alice, 2);
    record(calls, 0);
    record(calls, 1);
    const path = join(dir, 'alice', 'g00002.jsonl');
    const bytes = await readFile(path);
    const start = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
    // Without its line feed the last line is whole JSON: it was written, so it counts.
    for (let cut = start; cut < bytes.length - 1; cut += 7) {
      await writeFile(path, bytes.subarray(0, cut));
      const torn = openGenerationCalls(dir, alice, 2);
      expect([torn.recall('meta', 0, 'd0'), torn.recall('meta', 1, 'd1')], `cut at ${cut}`).toEqual([
        answer('a0'),
        null,
      ]);
      record(torn, 1);
      const again = openGenerationCalls(dir, alice, 2);
      expect([again.recall('meta', 0, 'd0'), again.recall('meta', 1, 'd1')]).toEqual([answer('a0'), answer('a1')]);
    }
  });

  it('fail when they cannot be written: an answer that is not on record is not handed out', async () => {
    const dir = await scratch();
    await writeFile(join(dir, 'alice'), 'in the way');
    const calls = openGenerationCalls(dir, alice, 2);
    expect(() => record(calls, 0)).toThrow(expect.objectContaining({ code: 'STORAGE_FAILED' }));
    await mkdir(join(dir, 'bob', 'g00002.jsonl'), { recursive: true });
    expect(() => openGenerationCalls(dir, parseLineageId('bob'), 2)).toThrow();
  });
});
