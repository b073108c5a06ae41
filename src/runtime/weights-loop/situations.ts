import { randomStream } from '../../core/random.ts';
import { closedWorld } from '../../niches/storage/closed-world.ts';
import { commandOf } from '../../niches/storage/corpus.ts';
import { familyNames } from '../../niches/storage/families.ts';
import { planWorld, type WorldPlan } from '../../niches/storage/plan.ts';
import { advance, newborn, type Stand } from '../../niches/storage/play.ts';
import { words } from '../../niches/storage/vocabulary.ts';
import type { WorldHost } from '../../niches/storage/world-host.ts';
import type { Practice } from './practice.ts';

/** Seeds of worlds from here on are kept for held-out situations; those below are for training. */
const heldOutFrom = 2 ** 30;
/** A training situation has lived through at most so many random commands. */
const mostWarmUp = 3;

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

/** A training situation, the same for all who act in it. */
export async function situation(
  host: WorldHost,
  plan: WorldPlan,
  seed: number,
  kind: Practice['world'],
): Promise<Stand> {
  if (kind === 'open') return warmedUp(host, plan, seed);
  const stand = newborn(closedWorld(plan));
  if (kind === 'closed') return standing(host, stand);
  const random = randomStream(seed, 'weights-loop', 'opening', plan.seed);
  const listed = words.positions.slice(0, stand.observation.files.length);
  const opening = [random.pick(['chmod', 'chmod-dir']), random.pick(listed), 'u+w'];
  return (await advance(host, stand, opening)).next ?? stand;
}

/** A world that 0 to 3 random commands have changed. One that does not survive them stands as it was before. */
async function warmedUp(host: WorldHost, plan: WorldPlan, seed: number): Promise<Stand> {
  const random = randomStream(seed, 'weights-loop', 'warm-up', plan.seed);
  let stand = newborn(plan);
  for (let left = random.int(mostWarmUp + 1); left > 0; left -= 1) {
    const { next } = await advance(host, stand, commandOf(random, stand.observation.files.length));
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
