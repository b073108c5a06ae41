import { reply } from './scripted.mjs';

/** The scripts behind the interface of a model: no server, no key, no cost. */
export default {
  kind: 'model',
  name: 'scripted',
  create: ({ character }) => ({
    name: character,
    // It writes sentences into a rubric, and nothing that runs.
    isTrusted: true,
    contextTokens: null,
    price: () => 0,
    async complete(request) {
      const { content = null, toolCalls = [] } = reply(character, request);
      const tool_calls = toolCalls.map((call, i) => ({
        id: `call_${request.messages.length}_${i}`,
        type: 'function',
        function: call,
      }));
      const isDone = tool_calls.length === 0;
      const message = { role: 'assistant', content, ...(isDone ? {} : { tool_calls }) };
      const prompt = Math.ceil(JSON.stringify(request.messages).length / 4);
      const completion = Math.ceil(JSON.stringify(message).length / 4);
      return {
        source: 'live',
        costUsd: 0,
        completion: {
          id: 'scripted',
          object: 'chat.completion',
          created: 0,
          model: request.model,
          choices: [{ index: 0, finish_reason: isDone ? 'stop' : 'tool_calls', message }],
          usage: { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion },
        },
      };
    },
  }),
};
