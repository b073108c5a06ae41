import { SandboxUnavailableError } from '../../core/errors.ts';
import { renderCommand } from '../../niches/storage/action-language.ts';
import type { Ending } from '../../niches/storage/life.ts';
import { observe } from '../../niches/storage/observation.ts';
import type { Moment, Sentence, Stand } from '../../niches/storage/play.ts';
import type { WorldHost } from '../../niches/storage/world-host.ts';

/** Some commands in one copy of a world, each executed for real. */
export interface Trajectory {
  readonly moments: readonly Moment[];
  /** ΔR of these commands. */
  readonly freedBytes: number;
  /** The most that ΔR has been on the way: what a world that broke later had freed before. */
  readonly mostFreedBytes: number;
  readonly ending: Ending | null;
}

/**
 * Acts in a copy of a world until the commands are used up, the world ends, or nothing is left to point at.
 * @throws {SandboxUnavailableError} when the sandbox failed; the stand is as good as before.
 */
export async function act(
  host: WorldHost,
  stand: Stand,
  commands: number,
  decide: (observation: Stand['observation'], step: number) => Sentence | Promise<Sentence>,
): Promise<Trajectory> {
  await host.begin(stand.world);
  const { freedBytes: before } = host.account;
  const moments: Moment[] = [];
  let observation = stand.observation;
  let mostFreedBytes = 0;
  while (moments.length < commands && observation.files.length > 0) {
    const sentence = await decide(observation, moments.length);
    const paths = observation.files.map(({ path }) => path);
    const step = await host.act(renderCommand(sentence, paths));
    moments.push({ observation, sentence, step });
    mostFreedBytes = Math.max(mostFreedBytes, host.account.freedBytes - before);
    if (step.ending !== null) break;
    observation = observe(host, sentence);
  }
  return { moments, freedBytes: host.account.freedBytes - before, mostFreedBytes, ending: host.ending };
}

const tries = 3;

/** @returns `null` for what a failing sandbox made impossible: that says nothing about any command, so it is no zero. */
export async function orLost<T>(work: () => Promise<T>): Promise<T | null> {
  for (let left = tries - 1; ; left -= 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SandboxUnavailableError)) throw error;
      if (left === 0) return null;
    }
  }
}
