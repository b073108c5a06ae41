import type { RandomStream } from '../../core/random.ts';
import { renderCommand } from './action-language.ts';
import { type Account, type Ending, nothingYet, type Step, type WorldState } from './life.ts';
import { plannedFiles } from './listing.ts';
import { type Observation, observe } from './observation.ts';
import { pagesOf, type WorldPlan } from './plan.ts';
import type { WorldHost } from './world-host.ts';

/** A command of the action language: verb, position, argument. */
export type Sentence = readonly string[];

/** Chooses commands for one life. `null` gives up. */
export type Decide = (observation: Observation, lastStep: Step | null) => Sentence | null;

export interface Policy {
  readonly name: string;
  /** A new life: what it remembers of another one would be a leak between worlds. */
  open(life: { readonly random: RandomStream; readonly plan: WorldPlan }): Decide;
}

export interface Moment {
  readonly observation: Observation;
  readonly sentence: Sentence;
  readonly step: Step;
}

export interface Life {
  readonly moments: readonly Moment[];
  readonly account: Account;
  /** `null` where the policy gave up, or nothing was left to point at. */
  readonly ending: Ending | null;
}

/**
 * Lives one world from its birth to its end. Every command is executed for real.
 * @throws {SandboxUnavailableError} when the sandbox failed: the life is lost, and no zero.
 */
export async function live(host: WorldHost, plan: WorldPlan, policy: Policy, random: RandomStream): Promise<Life> {
  await host.begin(plan);
  const decide = policy.open({ random, plan });
  const moments: Moment[] = [];
  while (host.ending === null) {
    const observation = observe(host, moments.at(-1)?.sentence ?? []);
    if (observation.files.length === 0) break;
    const sentence = decide(observation, moments.at(-1)?.step ?? null);
    if (sentence === null) break;
    const paths = observation.files.map(({ path }) => path);
    const step = await host.act(renderCommand(sentence, paths));
    moments.push({ observation, sentence, step });
  }
  return { moments, account: host.account, ending: host.ending };
}

/** A world between two commands as a value: any number of them can wait while a model thinks about all at once. */
export interface Stand {
  readonly world: WorldPlan | WorldState;
  readonly observation: Observation;
}

/** A world that nobody has touched. Nothing is built for it. */
export function newborn(plan: WorldPlan): Stand {
  const used = plan.files.reduce((sum, { content, size }) => sum + (content === null ? 0 : pagesOf(size)), 0);
  const files = plannedFiles(plan);
  const freeShare = 1 - used / plan.capacityBytes;
  return { world: plan, observation: observe({ freeShare, last: nothingYet, listed: () => files }, []) };
}

/**
 * One command in a copy of a world.
 * @returns the world after it; `null` once it has ended.
 * @throws {SandboxUnavailableError} when the sandbox failed; the stand is as good as before.
 */
export async function advance(
  host: WorldHost,
  { world, observation }: Stand,
  sentence: Sentence,
): Promise<{ readonly step: Step; readonly next: Stand | null }> {
  await host.begin(world);
  const paths = observation.files.map(({ path }) => path);
  const step = await host.act(renderCommand(sentence, paths));
  if (step.ending !== null) return { step, next: null };
  return { step, next: { world: await host.state(), observation: observe(host, sentence) } };
}

/** Every host takes the next item as soon as it is done with one. The first failure is everybody's. */
export async function spread<T, R>(
  hosts: readonly WorldHost[],
  items: readonly T[],
  work: (host: WorldHost, item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const serve = async (host: WorldHost) => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(host, items[index]!, index);
    }
  };
  await Promise.all(
    hosts.map((host) =>
      serve(host).catch((error: unknown) => {
        next = items.length;
        throw error;
      }),
    ),
  );
  return results;
}

/**
 * What each of several commands would do to the same world: each has an identical copy of its own. Equal commands
 * are executed once.
 * @param commands - Shell commands, as `renderCommand` makes them.
 * @returns one step for each, in order.
 */
export async function siblings(
  host: WorldHost,
  world: WorldPlan | WorldState,
  commands: readonly string[],
): Promise<readonly Step[]> {
  const steps = new Map<string, Step>();
  for (const command of commands) {
    if (steps.has(command)) continue;
    await host.begin(world);
    steps.set(command, await host.act(command));
  }
  return commands.map((command) => steps.get(command)!);
}
