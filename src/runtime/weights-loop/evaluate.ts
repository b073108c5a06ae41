import { seedNumber } from '../../core/random.ts';
import type { Step } from '../../niches/storage/life.ts';
import type { ListedFile } from '../../niches/storage/listing.ts';
import { promptOf } from '../../niches/storage/observation.ts';
import type { WorldPlan } from '../../niches/storage/plan.ts';
import { type Moment, newborn, spread } from '../../niches/storage/play.ts';
import { words } from '../../niches/storage/vocabulary.ts';
import type { WorldHost } from '../../niches/storage/world-host.ts';
import type { Propose } from './policy.ts';
import { act, orLost, type Trajectory } from './trajectory.ts';

/** What one life in a held-out world came to. */
export interface LifeOutcome {
  /** ΔR in bytes. Space of a world that broke is available to nobody, so it is less than 0 there. */
  readonly freedBytes: number;
  /** What it had freed before anything broke. */
  readonly mostFreedBytes: number;
  readonly commands: number;
  /** Commands after which more was available than before. */
  readonly successes: number;
  readonly isBroken: boolean;
  /** Successes by a right that an earlier command had taken back. */
  readonly twoSteps: number;
  /** All of it, in order. */
  readonly steps: readonly LivedStep[];
}

/** One command of a life as it can be shown. */
export interface LivedStep extends Pick<Step, 'command' | 'result' | 'deltaBytes' | 'damage'> {
  /** The observation in words, as the model read it. */
  readonly saw: string;
  /** The sentence of the action language; `command` is what the shell got. */
  readonly said: string;
}

/** How often a policy that gave up before its first command succeeded: never. */
export function successRate({ successes, commands }: LifeOutcome): number {
  return commands === 0 ? 0 : successes / commands;
}

/**
 * One life in each held-out world, from its birth.
 * @param seed - The same for every policy that is compared, so that they draw the same numbers.
 * @returns `null` where the sandbox failed.
 */
export function evaluate(
  hosts: readonly WorldHost[],
  worlds: readonly WorldPlan[],
  { propose, commands, seed }: { readonly propose: Propose; readonly commands: number; readonly seed: number },
): Promise<(LifeOutcome | null)[]> {
  return spread(hosts, worlds, (host, plan, i) =>
    orLost(async () =>
      outcomeOf(
        await act(host, newborn(plan), commands, (observation, step) =>
          propose(observation, seedNumber(seed, 'weights-loop', 'life', i, step)),
        ),
      ),
    ),
  );
}

function outcomeOf({ moments, freedBytes, mostFreedBytes, ending }: Trajectory): LifeOutcome {
  return {
    ...{ freedBytes, mostFreedBytes, commands: moments.length, isBroken: ending === 'broken' },
    successes: moments.filter(({ step }) => step.deltaBytes > 0).length,
    twoSteps: twoStepsOf(moments),
    steps: moments.map(({ observation, sentence, step: { command, result, deltaBytes, damage } }) => {
      return { saw: promptOf(observation), said: sentence.join(' '), command, result, deltaBytes, damage };
    }),
  };
}

/** How many commands made space with a file, or in a directory, that an earlier one had opened to writing. */
export function twoStepsOf(moments: readonly Moment[]): number {
  const opened = new Set<string>();
  let count = 0;
  for (const { observation, sentence, step } of moments) {
    const file = observation.files[words.positions.indexOf(sentence[1]!)]!;
    if (step.deltaBytes > 0 && (opened.has(file.path) || opened.has(directoryOf(file)))) count += 1;
    if (sentence[2] !== 'u+w' || step.result !== 'ok') continue;
    if (sentence[0] === 'chmod' && !file.isWritable) opened.add(file.path);
    if (sentence[0] === 'chmod-dir' && !file.isDirectoryWritable) opened.add(directoryOf(file));
  }
  return count;
}

const directoryOf = ({ path }: ListedFile) => path.slice(0, path.lastIndexOf('/') + 1);
