import { mean } from '../../analysis/statistics/summary.ts';
import { seedNumber } from '../../core/random.ts';
import type { Observation } from '../../niches/storage/observation.ts';
import { type Stand, spread } from '../../niches/storage/play.ts';
import type { WorldHost } from '../../niches/storage/world-host.ts';
import { breakers, type Credit, creditRules, randomPlaces, survivors } from './credit.ts';
import type { Learner } from './learner.ts';
import { type Practice, siblingsOf } from './practice.ts';
import type { GenerationRecord, SeedTools } from './run-seed.ts';
import { situation, trainingWorld } from './situations.ts';
import { act, orLost, type Trajectory } from './trajectory.ts';

export interface Turn {
  readonly seed: number;
  readonly credit: Credit;
  readonly generation: number;
  readonly survivor: Learner;
  readonly control: Learner;
  readonly untrained: Learner;
}

/** Chooses a trajectory's commands; equal for equal trajectories, whoever else acts. */
type Decide = (observation: Observation, step: number) => ReturnType<ReturnType<Learner['propose']>>;

/** One generation: draws, executes, keeps, and gives both learners what they learn from. */
export async function runGeneration(turn: Turn, tools: SeedTools): Promise<GenerationRecord> {
  const { seed, credit, generation, survivor, control } = turn;
  const { recipe, hosts, onProgress } = tools;
  const practices = creditRules[credit].practices(generation);
  const practiceOf = (index: number) => practices[index % practices.length]!;
  const widest = Math.max(...practices.map((practice) => siblingsOf(practice, recipe)));
  const deciding = decidersOf(turn, recipe.samplingTemperature);
  let done = 0;
  const indices = Array.from({ length: recipe.situations }, (_, i) => i);
  const situations = await spread(hosts, indices, async (host, index) => {
    const practice = practiceOf(index);
    const plan = trainingWorld(seed, generation, index, recipe.difficulty);
    const found = await orLost(async () => {
      const propose = survivor.propose(recipe.evaluationTemperature);
      const stand = await situation(host, plan, { seed, kind: practice.world, propose });
      const decides = Array.from({ length: siblingsOf(practice, recipe) }, (_, i) =>
        deciding(survivor, practice, index * widest + i),
      );
      return { stand, practice, lived: await litter(host, stand, practice.commands, decides) };
    });
    done += 1;
    if (done % 40 === 0) onProgress(`generation ${generation}: ${done} of ${recipe.situations} situations`);
    return found;
  });
  const known = situations.filter((one) => one !== null);
  const lived = known.map((one) => one.lived);
  const [right, wrong] = [survivors(credit, lived), breakers(credit, lived)];
  const places = known.flatMap((one) => one.lived.map(() => one));
  const chosen = randomPlaces(seed, generation, places.length, right.length + wrong.length);
  const random = await spread(hosts, chosen, (host, place) => {
    const { stand, practice } = places[place]!;
    return orLost(() => act(host, stand, practice.commands, deciding(control, practice, place)));
  });
  const [blind, blindWrong] = [random.slice(0, right.length), random.slice(right.length)].map((list) =>
    list.filter((one) => one !== null),
  ) as [Trajectory[], Trajectory[]];
  onProgress(`generation ${generation}: ${right.length} trajectories kept, training`);
  const [lesson, controlLesson] = await Promise.all([
    survivor.learn({ right, wrong }),
    control.learn({ right: blind, wrong: blindWrong }),
  ]);
  const steps = lived.flat().flatMap(({ moments }) => moments.map(({ step }) => step));
  return {
    ...{ generation, lost: situations.length - known.length, commands: steps.length },
    ...{ kept: right.length, shunned: wrong.length },
    success: steps.length === 0 ? 0 : mean(steps.map(({ deltaBytes }) => Number(deltaBytes > 0))),
    ...{ survivors: lesson, control: { ...controlLesson, kept: blind.length } },
  };
}

/** The same draws for both arms: they differ by their weights alone. */
function decidersOf({ seed, generation, untrained }: Turn, temperature: number) {
  return (learner: Learner, { firstBy }: Practice, place: number): Decide => {
    const [own, base] = [learner.propose(temperature), untrained.propose(temperature)];
    return (observation, step) => {
      const propose = step === 0 && firstBy === 'base' ? base : own;
      return propose(observation, seedNumber(seed, 'weights-loop', 'draw', generation, place, step));
    };
  };
}

/** Siblings of one command that say the same are one execution. */
async function litter(
  host: WorldHost,
  stand: Stand,
  commands: number,
  decides: readonly Decide[],
): Promise<Trajectory[]> {
  const firsts = await Promise.all(decides.map((decide) => decide(stand.observation, 0)));
  const known = new Map<string, Trajectory>();
  const lived: Trajectory[] = [];
  for (const [i, decide] of decides.entries()) {
    const key = commands === 1 ? firsts[i]!.join(' ') : String(i);
    const found =
      known.get(key) ??
      (await act(host, stand, commands, (seen, step) => (step === 0 ? firsts[i]! : decide(seen, step))));
    known.set(key, found);
    lived.push(found);
  }
  return lived;
}
