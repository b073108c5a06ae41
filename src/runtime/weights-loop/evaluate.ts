import { seedNumber } from '../../core/random.ts';
import type { WorldPlan } from '../../niches/storage/plan.ts';
import { newborn, spread } from '../../niches/storage/play.ts';
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
  };
}
