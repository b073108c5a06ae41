import { z } from 'zod';
import type { Answer, Consequence } from '../../core/niche.ts';
import { renderCommand } from './action-language.ts';
import { type Observation, promptOf } from './observation.ts';

/** What an answer asks to have done. */
export interface Told {
  /** For the shell, in their order. */
  readonly commands: readonly string[];
  /** The prompt that the sentences answer. */
  readonly prompt: string;
  /** The commands as sentences, where they were given so; none for an answer in shell commands. */
  readonly actions: readonly Said[];
  /** What is to be tried besides, once each. */
  readonly tries: readonly Said[];
}

/** A sentence of the action language, and the command that it stands for. */
export interface Said {
  readonly sentence: string;
  readonly command: string;
}

const longestCommand = 4_096;

const answerSchema = z.union([
  z.object({ commands: z.array(z.string()) }),
  z.object({ actions: z.array(z.string()), tries: z.array(z.string()).default([]) }),
]);

/** What is to be done, or what is wrong with the answer. Whatever else it holds counts for nothing. */
export function readAnswer(
  { output, exitCode }: Answer,
  observation: Observation,
  limits: { readonly commands: number; readonly tries: number },
): Told | Consequence {
  const failed = (reason: 'crash' | 'no-answer' | 'infeasible', message: string): Consequence => {
    return { status: 'failed', reason, message };
  };
  if (exitCode !== 0) return failed('crash', `the task agent ended with status ${exitCode}`);
  const parsed = answerSchema.safeParse(output);
  if (!parsed.success) return failed('no-answer', 'the answer is not {"commands": ["…", …]} or {"actions": ["…", …]}');
  const { data } = parsed;
  const prompt = promptOf(observation);
  const [list, tries] = 'commands' in data ? [data.commands, []] : [data.actions, [...new Set(data.tries)]];
  if (list.length > limits.commands) {
    return failed('infeasible', `${list.length} commands; the world lives for ${limits.commands}`);
  }
  if (tries.length > limits.tries) return failed('infeasible', `${tries.length} tries; there may be ${limits.tries}`);
  if ('commands' in data) {
    const long = list.findIndex((command) => command.length > longestCommand || command.includes('\0'));
    if (long === -1) return { commands: list, prompt, actions: [], tries: [] };
    return failed('infeasible', `command ${long} holds a NUL byte or is longer than ${longestCommand} characters`);
  }
  const paths = observation.files.map(({ path }) => path);
  const say = (sentence: string): Said => ({ sentence, command: renderCommand(sentence.split(' '), paths) });
  try {
    const actions = list.map(say);
    return { commands: actions.map(({ command }) => command), prompt, actions, tries: tries.map(say) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return failed('infeasible', error.message);
  }
}
