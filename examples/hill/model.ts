import { defineModel, randomStream } from 'galapagos';
import { z } from 'zod';

/** A model: answers chat completions. This one takes the number it is told and steps somewhere near it. */
export default defineModel({
  name: 'walker',
  params: z.strictObject({ stride: z.number().positive() }),
  create: ({ stride }) => ({
    name: 'walker',
    // What it writes is a number, so code that holds it may run without isolation.
    isTrusted: true,
    contextTokens: null,
    price: () => 0,
    async complete(request) {
      const text = request.messages.at(-1)?.content ?? '';
      const here = Number(/-?\d+(\.\d+)?/.exec(text)?.[0] ?? 0);
      const next = here + stride * randomStream(request.seed ?? 0, 'walker').normal();
      const usage = { prompt_tokens: Math.ceil(text.length / 4), completion_tokens: 4 };
      return {
        source: 'live',
        costUsd: 0,
        completion: {
          id: 'walk',
          object: 'chat.completion',
          created: 0,
          model: request.model,
          choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: next.toFixed(3) } }],
          usage: { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens },
        },
      };
    },
  }),
});
