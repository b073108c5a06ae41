import type { ChatCompletion, ChatRequest, ModelAnswer } from '../../core/chat.ts';
import type { Model } from '../../core/define.ts';
import { canonicalJson, sha256 } from '../../core/json.ts';
import type { EmbeddedServing } from './embedded-serving.ts';
import type { Base } from './files/base-checkpoint.ts';
import type { Sample, SampleRequest } from './sampling/text.ts';
import type { TokenAutomaton } from './sampling/token-automaton.ts';
import { createTokenizer, promptTokens, special, type Tokenizer } from './tokenizer.ts';

export interface EmbeddedModelOptions {
  readonly name: string;
  readonly base: Base;
  readonly serving: EmbeddedServing;
  /** What may be answered to a prompt; without it anything. The same grammar for many prompts is compiled once. */
  readonly grammarFor?: (prompt: string) => TokenAutomaton;
}

/**
 * The embedded model behind the chat-completions protocol. A request says by
 * `model` which adapter answers it, by the name that `Serving.activate` gave;
 * this model's own name and `default` mean the base.
 *
 * Messages are read one after another as one prompt, whoever said them; tools
 * are not called. The answer is a pure function of request and weights.
 */
export function createEmbeddedModel({ name, base, serving, grammarFor }: EmbeddedModelOptions): Model {
  const tokenizer = createTokenizer(base.vocabulary);
  return {
    name,
    isTrusted: false,
    contextTokens: base.shape.contextLength,
    price: () => 0,
    async complete(request, signal): Promise<ModelAnswer> {
      signal.throwIfAborted();
      const served = request.model === name || request.model === 'default' ? serving.base : request.model;
      const sampler = serving.sampler(served);
      const text = request.messages.map(({ content }) => content ?? '').join('\n');
      const asked = toSampleRequest(request, promptTokens(tokenizer, text), base.shape.contextLength);
      const sample = await sampler.sample({ ...asked, grammar: grammarFor?.(text) }, signal);
      const completion = toCompletion(
        served,
        request,
        asked.prompt.length,
        answerOf(sample, request, tokenizer),
        sample,
      );
      return { completion, costUsd: 0, source: 'live' };
    },
  };
}

function toSampleRequest(
  { max_completion_tokens, max_tokens, temperature = 1, top_p = 1, seed = 0 }: ChatRequest,
  prompt: readonly number[],
  contextLength: number,
): SampleRequest {
  return {
    ...{ prompt, temperature, topP: top_p, seed, end: special.end },
    maxTokens: max_completion_tokens ?? max_tokens ?? contextLength,
  };
}

interface Answer {
  readonly text: string;
  readonly finish: Sample['finish'];
}

/** What was said up to the first text that was to end it. */
function answerOf(sample: Sample, { stop }: ChatRequest, tokenizer: Tokenizer): Answer {
  const text = tokenizer.decode(sample.tokens);
  const ends = [stop ?? []].flat().flatMap((wanted) => (text.includes(wanted) ? [text.indexOf(wanted)] : []));
  return ends.length === 0
    ? { text, finish: sample.finish }
    : { text: text.slice(0, Math.min(...ends)), finish: 'stop' };
}

function toCompletion(
  model: string,
  request: ChatRequest,
  prompt_tokens: number,
  { text, finish }: Answer,
  { tokens }: Sample,
): ChatCompletion {
  return {
    id: `embedded-${sha256(canonicalJson([model, request])).slice(0, 24)}`,
    object: 'chat.completion',
    created: 0,
    model,
    choices: [{ index: 0, finish_reason: finish, message: { role: 'assistant', content: text } }],
    usage: { prompt_tokens, completion_tokens: tokens.length, total_tokens: prompt_tokens + tokens.length },
  };
}
