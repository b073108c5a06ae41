import type { Sampler } from '../../models/embedded/sampling/sampler.ts';
import { createTokenizer, promptTokens, special } from '../../models/embedded/tokenizer.ts';
import { commandAutomaton } from '../../niches/storage/action-language.ts';
import { type Observation, promptOf } from '../../niches/storage/observation.ts';
import type { Sentence } from '../../niches/storage/play.ts';
import { tokenizerWords } from '../../niches/storage/vocabulary.ts';

/** Says one command to an observation. The same draw gives the same command, whatever else is asked at the time. */
export type Propose = (observation: Observation, draw: number) => Promise<Sentence>;

const tokenizer = createTokenizer({ words: [...tokenizerWords], hasBytes: false });

/** The longest command: verb, position, argument. */
const longestSentence = 3;

/** Weights as a policy: sampled under the grammar, which admits whole commands about the listed files only. */
export function policyOf(sampler: Sampler, temperature: number, signal: AbortSignal): Propose {
  return async (observation, draw) => {
    const { tokens } = await sampler.sample(
      {
        ...{ prompt: promptTokens(tokenizer, promptOf(observation)), maxTokens: longestSentence + 1, end: special.end },
        ...{ temperature, topP: 1, seed: draw, grammar: commandAutomaton(observation.files.length) },
      },
      signal,
    );
    return tokenizer.decode(tokens).split(' ');
  };
}
