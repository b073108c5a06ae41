import { randomStream, seedNumber } from '../../core/random.ts';
import { closedWorld } from '../../niches/storage/closed-world.ts';
import { commandOf } from '../../niches/storage/corpus.ts';
import { familyNames } from '../../niches/storage/families.ts';
import type { Observation } from '../../niches/storage/observation.ts';
import { planWorld, type WorldPlan } from '../../niches/storage/plan.ts';
import { advance, newborn, type Sentence, type Stand } from '../../niches/storage/play.ts';
import { words } from '../../niches/storage/vocabulary.ts';
import type { WorldHost } from '../../niches/storage/world-host.ts';
import type { Propose } from './policy.ts';
import type { Practice } from './practice.ts';

/** Seeds of worlds from here on are kept for held-out situations; those below are for training. */
const heldOutFrom = 2 ** 30;
/** A training situation has lived through at most so many random commands. */
const mostWarmUp = 3;
/** Or so many of the learner's own: one fewer than a life has. */
const mostLived = 5;

/** Worlds that feed nothing. The same for every seed of the loop, so that everything pairs with everything. */
export function heldOutWorlds(count: number, difficulty: number): WorldPlan[] {
  return Array.from({ length: count }, (_, i) => {
    const seed = heldOutFrom + randomStream(1859, 'weights-loop', 'held-out', i).int(heldOutFrom);
    return planWorld({ family: familyNames[i % familyNames.length]!, seed, difficulty });
  });
}

/** A world of one generation, on paper. */
export function trainingWorld(seed: number, generation: number, index: number, difficulty: number): WorldPlan {
  const random = randomStream(seed, 'weights-loop', 'world', generation, index);
  return planWorld({ family: random.pick(familyNames), seed: random.int(heldOutFrom), difficulty });
}

export interface SituationOptions {
  readonly seed: number;
  readonly kind: Practice['world'];
  /** Says what has been done before in a world that was lived in. */
  readonly propose: Propose;
}

/** A training situation, the same for all who act in it. */
export async function situation(
  host: WorldHost,
  plan: WorldPlan,
  { seed, kind, propose }: SituationOptions,
): Promise<Stand> {
  if (kind === 'open') {
    const random = randomStream(seed, 'weights-loop', 'warm-up', plan.seed);
    return after(host, plan, random.int(mostWarmUp + 1), ({ files }) => commandOf(random, files.length));
  }
  if (kind === 'lived') {
    const commands = randomStream(seed, 'weights-loop', 'lived', plan.seed).int(mostLived + 1);
    const draw = (step: number) => seedNumber(seed, 'weights-loop', 'lived', plan.seed, step);
    return after(host, plan, commands, (observation, step) => propose(observation, draw(step)));
  }
  const stand = newborn(closedWorld(plan));
  if (kind === 'closed') return standing(host, stand);
  const random = randomStream(seed, 'weights-loop', 'opening', plan.seed);
  const listed = words.positions.slice(0, stand.observation.files.length);
  const opening = [random.pick(['chmod', 'chmod-dir']), random.pick(listed), 'u+w'];
  return (await advance(host, stand, opening)).next ?? stand;
}

/** A world that some commands have changed. One that does not survive them stands as it was before the last. */
async function after(
  host: WorldHost,
  plan: WorldPlan,
  commands: number,
  decide: (observation: Observation, step: number) => Sentence | Promise<Sentence>,
): Promise<Stand> {
  let stand = newborn(plan);
  for (let step = 0; step < commands; step += 1) {
    const { next } = await advance(host, stand, await decide(stand.observation, step));
    if (next === null || next.observation.files.length === 0) return stand;
    stand = next;
  }
  return 'image' in stand.world ? stand : standing(host, stand);
}

/** A world that stands is cheaper to copy than a plan, and many copies are to come. */
async function standing(host: WorldHost, stand: Stand): Promise<Stand> {
  await host.begin(stand.world);
  return { ...stand, world: await host.state() };
}
