import { describe, expect, it } from 'vitest';
import { type ChatRequest, chatCompletionSchema, chatRequestSchema } from '../../src/core/chat.ts';
import type { Model } from '../../src/core/define.ts';
import {
  decodeVector,
  type EmbeddingRequest,
  embeddingListSchema,
  embeddingRequestSchema,
} from '../../src/core/embedding.ts';
import type { Embed, Reply } from '../support/scripted-model.ts';

/** A fresh one for each call: parallel listeners on one signal would be reported as a leak. */
const never = () => new AbortController().signal;

/** What the model under test must say: the suite's own script. */
export function suiteScript(request: ChatRequest): Reply {
  const last = request.messages.at(-1)!;
  if (last.role === 'tool') return { content: `the tool said ${last.content}` };
  const text = String(last.content);
  if (request.tools !== undefined) {
    return { content: null, toolCalls: [{ name: request.tools[0]!.function.name, arguments: `{"path":"${text}"}` }] };
  }
  return { content: `you said ${text}`, promptTokens: text.length, completionTokens: 2 };
}

/** What the model under test must make of an input, if it embeds. */
export const suiteEmbed: Embed = (input) => [input.length, -1.5, Math.fround(0.1)];

const ask = (text: string, more: object = {}): ChatRequest =>
  chatRequestSchema.parse({ messages: [{ role: 'user', content: text }], ...more });

const readTool = {
  type: 'function',
  function: { name: 'read', description: 'Reads a file.', parameters: { type: 'object', properties: {} } },
};
const texts = Array.from({ length: 8 }, (_, i) => `${'x'.repeat(i + 1)}`);
const withTools = ask('a.ts', { tools: [readTool], tool_choice: 'auto' });
const afterTool = chatRequestSchema.parse({
  messages: [
    { role: 'system', content: 'You edit files.' },
    { role: 'user', content: [{ type: 'text', text: 'a.ts' }] },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'call_0', type: 'function', function: { name: 'read', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'call_0', content: 'empty' },
  ],
  temperature: 0.5,
  seed: 7,
});

/** Every request the suite makes, for adapters that must have heard them before. */
export const suiteRequests: readonly ChatRequest[] = [ask('hello'), withTools, afterTool, ...texts.map((t) => ask(t))];

const embedding = (input: unknown): EmbeddingRequest => embeddingRequestSchema.parse({ input });
/** Every request for embeddings the suite makes. */
export const suiteEmbeddingRequests: readonly EmbeddingRequest[] = [embedding(['a', 'bcd']), embedding([[7, 8], [9]])];

export interface OpenModel extends AsyncDisposable {
  readonly model: Model;
}

export interface ModelSuiteOptions {
  /** The adapter has its answers at hand: a call cannot be cancelled while it waits. */
  readonly isInstant?: boolean;
  /** It never calls a tool, whatever it is offered. */
  readonly hasNoTools?: boolean;
  /** What it must say to a text, where it cannot be `suiteScript` that answers. */
  readonly says?: (text: string) => {
    readonly content: string;
    readonly promptTokens: number;
    readonly completionTokens: number;
  };
  /** `suiteEmbed` is behind it as well. */
  readonly embeds?: boolean;
}

/**
 * The contract of `Model`. An adapter is done when it passes this unchanged.
 *
 * @param open - A model behind which `suiteScript` answers, after `delayMs`.
 */
export function modelSuite(
  name: string,
  open: (delayMs: number) => Promise<OpenModel>,
  options: ModelSuiteOptions = {},
): void {
  const says =
    options.says ??
    ((text: string) => ({ content: `you said ${text}`, promptTokens: text.length, completionTokens: 2 }));
  describe(`Model contract: ${name}`, () => {
    it('answers with one complete, countable chat completion', async () => {
      await using opened = await open(0);
      const { completion, costUsd } = await opened.model.complete(ask('hello'), never());
      expect(chatCompletionSchema.parse(completion)).toEqual(completion);
      const { content, promptTokens, completionTokens } = says('hello');
      expect(completion.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content } });
      expect(completion.usage).toEqual({
        ...{ prompt_tokens: promptTokens, completion_tokens: completionTokens },
        total_tokens: promptTokens + completionTokens,
      });
      const bound = opened.model.price(5, 2);
      if (costUsd !== null && bound !== null) expect(costUsd).toBeLessThanOrEqual(bound);
      expect(costUsd === null || costUsd >= 0).toBe(true);
    });

    if (options.hasNoTools === true) {
      it('answers in words when it is offered a tool, which it cannot call', async () => {
        await using opened = await open(0);
        const { completion } = await opened.model.complete(withTools, never());
        const [choice] = completion.choices;
        expect([choice!.finish_reason, choice!.message.tool_calls]).toEqual(['stop', undefined]);
        expect(choice!.message.content).toBe(says('a.ts').content);
      });
    }

    it.skipIf(options.hasNoTools === true)('calls a tool and understands its result', async () => {
      await using opened = await open(0);
      const called = await opened.model.complete(withTools, never());
      expect(called.completion.choices[0]).toMatchObject({
        finish_reason: 'tool_calls',
        message: {
          content: null,
          tool_calls: [{ type: 'function', function: { name: 'read', arguments: '{"path":"a.ts"}' } }],
        },
      });
      const told = await opened.model.complete(afterTool, never());
      expect(told.completion.choices[0]!.message.content).toBe('the tool said empty');
    });

    it('gives each of eight parallel calls its own answer', async () => {
      await using opened = await open(5);
      const answers = await Promise.all(texts.map((text) => opened.model.complete(ask(text), never())));
      expect(answers.map((a) => a.completion.choices[0]!.message.content)).toEqual(texts.map((t) => says(t).content));
      expect(answers.map((a) => a.completion.usage.prompt_tokens)).toEqual(texts.map((t) => says(t).promptTokens));
    });

    it('leaves the request as it was', async () => {
      await using opened = await open(0);
      const before = structuredClone(withTools);
      await opened.model.complete(withTools, never());
      expect(withTools).toEqual(before);
    });

    it('rejects with the reason of a signal that was aborted before the call', async () => {
      await using opened = await open(0);
      const stopped = AbortSignal.abort(new Error('stopped early'));
      await expect(opened.model.complete(ask('hello'), stopped)).rejects.toThrow('stopped early');
    });

    it.skipIf(options.isInstant === true)('rejects with the reason of the signal while it waits', async () => {
      await using opened = await open(20_000);
      const controller = new AbortController();
      const call = opened.model.complete(ask('hello'), controller.signal);
      setTimeout(() => controller.abort(new Error('changed my mind')), 100);
      await expect(call).rejects.toThrow('changed my mind');
    });

    it('has a price that is unknown, or grows with the tokens', async () => {
      await using opened = await open(0);
      const prices = [opened.model.price(0, 0), opened.model.price(1_000, 10), opened.model.price(1_000, 1_000)];
      if (prices.includes(null)) expect(prices).toEqual([null, null, null]);
      else expect(prices).toEqual([0, ...(prices.slice(1) as number[]).sort((a, b) => a - b)]);
    });

    if (options.embeds === true) embeddingTests(open, options);
    else {
      it('has no embeddings, and says so by leaving them out', async () => {
        await using opened = await open(0);
        expect([opened.model.embed, opened.model.embedPrice]).toEqual([undefined, undefined]);
      });
    }
  });
}

function embeddingTests(open: (delayMs: number) => Promise<OpenModel>, options: ModelSuiteOptions): void {
  it('embeds texts and tokens: one vector for each input, in their order', async () => {
    await using opened = await open(0);
    for (const request of suiteEmbeddingRequests) {
      const { embeddings, costUsd } = await opened.model.embed!(request, never());
      expect(embeddingListSchema.parse(embeddings)).toEqual(embeddings);
      expect(embeddings.data.map(({ index }) => index)).toEqual(request.input.map((_, i) => i));
      expect(embeddings.data.map((d) => decodeVector(d.embedding))).toEqual(request.input.map(suiteEmbed));
      expect(embeddings.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 });
      const bound = opened.model.embedPrice?.(4) ?? null;
      if (costUsd !== null && bound !== null) expect(costUsd).toBeLessThanOrEqual(bound);
      expect(costUsd === null || costUsd >= 0).toBe(true);
    }
  });

  it('does not embed for a signal that was aborted before the call', async () => {
    await using opened = await open(0);
    const stopped = AbortSignal.abort(new Error('stopped early'));
    await expect(opened.model.embed!(suiteEmbeddingRequests[0]!, stopped)).rejects.toThrow('stopped early');
  });

  it.skipIf(options.isInstant === true)('gives up embedding when its signal says so', async () => {
    await using opened = await open(20_000);
    const controller = new AbortController();
    const call = opened.model.embed!(suiteEmbeddingRequests[0]!, controller.signal);
    setTimeout(() => controller.abort(new Error('changed my mind')), 100);
    await expect(call).rejects.toThrow('changed my mind');
  });
}
