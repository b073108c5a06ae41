import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chatCompletionSchema, chatRequestSchema } from '../../src/core/chat.ts';

const user = { role: 'user', content: 'hello' };
const request = (extra: object) => chatRequestSchema.safeParse({ messages: [user], ...extra });

describe('a chat request out of a sandbox', () => {
  it('needs nothing but messages', () => {
    expect(request({}).data).toEqual({ model: 'default', messages: [user] });
  });

  it('loses every field that was not chosen, so that none reaches a provider', () => {
    const parsed = request({
      user: 'x',
      store: true,
      extra_body: {},
      messages: [{ ...user, name: 'x', cache_control: {} }],
    });
    expect(parsed.data).toEqual({ model: 'default', messages: [user] });
  });

  it('may give its text in parts; anything but text is refused', () => {
    const parts = [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ];
    expect(request({ messages: [{ role: 'system', content: parts }] }).data?.messages[0]?.content).toBe('ab');
    const image = [{ type: 'image_url', image_url: { url: 'http://192.0.2.1/' } }];
    expect(request({ messages: [{ role: 'user', content: image }] }).success).toBe(false);
  });

  it('may leave out what an assistant said beside its tool calls', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'view', arguments: '{not json' } };
    for (const content of [undefined, null]) {
      const parsed = request({ messages: [{ role: 'assistant', content, tool_calls: [call] }] });
      expect(parsed.data?.messages[0]).toEqual({ role: 'assistant', content: null, tool_calls: [call] });
    }
  });

  it.each([
    ['no messages', { messages: [] }],
    ['a role nobody has', { messages: [{ role: 'root', content: 'x' }] }],
    ['a tool answer to no call', { messages: [{ role: 'tool', content: 'x' }] }],
    ['content that is no text', { messages: [{ role: 'user', content: 7 }] }],
    ['more messages than any model takes', { messages: new Array(4_097).fill(user) }],
    ['a model name of a megabyte', { model: 'm'.repeat(1_000_000) }],
    ['a negative answer length', { max_tokens: -1 }],
    ['a fraction of a token', { max_completion_tokens: 1.5 }],
    ['an answer length beyond counting', { max_tokens: 1e300 }],
    ['a temperature out of range', { temperature: 2.1 }],
    ['a tool of no known type', { tools: [{ type: 'web_search' }] }],
    ['a tool without a name', { tools: [{ type: 'function', function: { name: '' } }] }],
    ['five stop sequences', { stop: ['a', 'b', 'c', 'd', 'e'] }],
  ])('is refused with %s', (_what, extra) => {
    expect(request(extra).success).toBe(false);
  });

  it('cannot reach a prototype', () => {
    const parameters = JSON.parse('{"__proto__": {"polluted": true}, "type": "object"}') as object;
    const parsed = request({ tools: [{ type: 'function', function: { name: 'f', parameters } }] });
    expect(parsed.data?.tools?.[0]?.function.parameters).toEqual({ type: 'object' });
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('is refused or read, and never throws, whatever JSON comes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (messages, extra) => {
        expect(typeof chatRequestSchema.safeParse({ messages, tools: extra, stop: extra }).success).toBe('boolean');
        expect(typeof chatRequestSchema.safeParse(extra).success).toBe('boolean');
      }),
    );
  });
});

describe('a chat completion', () => {
  const completion = {
    id: 'x',
    object: 'chat.completion',
    created: 0,
    model: 'm',
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'hi' } }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  };

  it('has exactly one choice, and a usage that can be charged', () => {
    expect(chatCompletionSchema.parse(completion)).toEqual(completion);
    const [choice] = completion.choices;
    expect(chatCompletionSchema.safeParse({ ...completion, choices: [] }).success).toBe(false);
    expect(chatCompletionSchema.safeParse({ ...completion, choices: [choice, choice] }).success).toBe(false);
    expect(chatCompletionSchema.safeParse({ ...completion, usage: undefined }).success).toBe(false);
    const negative = { ...completion.usage, prompt_tokens: -1 };
    expect(chatCompletionSchema.safeParse({ ...completion, usage: negative }).success).toBe(false);
  });
});
