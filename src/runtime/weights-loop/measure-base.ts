import { mean } from '../../analysis/statistics/summary.ts';
import { seedNumber } from '../../core/random.ts';
import type { Base } from '../../models/embedded/files/base-checkpoint.ts';
import { createSampler } from '../../models/embedded/sampling/sampler.ts';
import { createTokenizer, promptTokens, special } from '../../models/embedded/tokenizer.ts';
import { commandWords } from '../../niches/storage/action-language.ts';
import { promptOf } from '../../niches/storage/observation.ts';
import type { WorldPlan } from '../../niches/storage/plan.ts';
import { newborn, spread } from '../../niches/storage/play.ts';
import type { Standing } from './hosts.ts';
import { policyOf } from './policy.ts';
import { act, orLost } from './trajectory.ts';

/** What a base does in worlds that nobody has touched, one command in each, at temperature 1. */
export interface BaseMeasure {
  /** Share of what it says without a grammar that is a whole command about a listed file. */
  readonly valid: number;
  /** Draws that `valid` is a share of. */
  readonly draws: number;
  /** Share of its commands, under the grammar and executed, that made space. */
  readonly freed: number;
  /** Mean change of available space by one command; a world that broke has lost what was available. */
  readonly MiBPerAction: number;
  /** Commands that were executed: worlds, less those that a failing sandbox took away. */
  readonly actions: number;
}

const drawsPerWorld = 5;

/** @throws {RangeError} where no command could be executed. */
export async function measureBase(
  base: Base,
  worlds: readonly WorldPlan[],
  { hosts }: Standing,
  signal: AbortSignal,
): Promise<BaseMeasure> {
  const sampler = createSampler(base.shape, base.weights);
  const tokenizer = createTokenizer(base.vocabulary);
  const unbound = await Promise.all(
    worlds.flatMap((plan, i) => {
      const { observation } = newborn(plan);
      const request = { prompt: promptTokens(tokenizer, promptOf(observation)), maxTokens: 8, end: special.end };
      return Array.from({ length: drawsPerWorld }, async (_, draw) => {
        const seed = seedNumber(1859, 'weights-loop', 'valid', i, draw);
        const sample = await sampler.sample({ ...request, temperature: 1, topP: 1, seed }, signal);
        return sample.finish === 'stop' && commandWords(sample.tokens, observation.files.length) !== null;
      });
    }),
  );
  const propose = policyOf(sampler, 1, signal);
  const lives = await spread(hosts, worlds, (host, plan, i) =>
    orLost(() => act(host, newborn(plan), 1, (seen) => propose(seen, seedNumber(1859, 'weights-loop', 'measure', i)))),
  );
  const deltas = lives.flatMap((life) => life?.moments.map(({ step }) => step.deltaBytes) ?? []);
  return {
    ...{ valid: mean(unbound.map(Number)), draws: unbound.length, actions: deltas.length },
    freed: mean(deltas.map((bytes) => Number(bytes > 0))),
    MiBPerAction: mean(deltas) / 2 ** 20,
  };
}
