import { mean } from '../../analysis/statistics/summary.ts';
import { seedNumber } from '../../core/random.ts';
import type { Base } from '../../models/embedded/files/base-checkpoint.ts';
import type { Observation } from '../../niches/storage/observation.ts';
import type { WorldPlan } from '../../niches/storage/plan.ts';
import { type Stand, spread } from '../../niches/storage/play.ts';
import type { WorldHost } from '../../niches/storage/world-host.ts';
import { type Credit, lengthOf, randomPlaces, survivors } from './credit.ts';
import { evaluate, type LifeOutcome } from './evaluate.ts';
import { createLearner, type Learner, type Lesson } from './learner.ts';
import type { LoopRecipe } from './recipe.ts';
import { trainingWorld, warmedUp } from './situations.ts';
import { act, orLost, type Trajectory } from './trajectory.ts';

/** Everything that acts in the held-out worlds, by name. */
export const arms = ['base', 'survivors', 'random', 'base-longer'] as const;
export type Arm = (typeof arms)[number];

export interface GenerationRecord {
  readonly generation: number;
  /** Situations that a failing sandbox took away; nothing is said about them. */
  readonly lost: number;
  /** Commands that were drawn; equal ones of siblings are executed once and count each. */
  readonly commands: number;
  /** Share of them after which more was available. */
  readonly success: number;
  readonly kept: number;
  readonly survivors: Lesson;
  /** The control's: as many trajectories, chosen without a look at what came of them. */
  readonly control: Lesson & { readonly kept: number };
}

export interface SeedRecord {
  readonly seed: number;
  readonly credit: Credit;
  readonly generations: readonly GenerationRecord[];
  /** One outcome for each held-out world, in their order; `null` where the sandbox failed. */
  readonly lives: Readonly<Record<Arm, readonly (LifeOutcome | null)[]>>;
}

export interface SeedTools {
  readonly base: Base;
  readonly recipe: LoopRecipe;
  readonly hosts: readonly WorldHost[];
  /** Hosts whose worlds live long enough for the base that is sampled longer. */
  readonly patientHosts: readonly WorldHost[];
  readonly heldOut: readonly WorldPlan[];
  readonly directory: string;
  readonly threads: number;
  readonly onProgress: (what: string) => void;
  readonly signal: AbortSignal;
}

/** The loop and its controls for one seed: sample, execute, keep, train, sample again; then held-out worlds. */
export async function runSeed(seed: number, credit: Credit, tools: SeedTools): Promise<SeedRecord> {
  const { recipe, hosts, patientHosts, heldOut, onProgress } = tools;
  const { base, directory, threads, signal } = tools;
  const learnerNamed = (name: string) =>
    createLearner({ name, base, directory, hyperparameters: recipe.lora, seed, threads, signal });
  const [survivor, control, untrained] = ['survivors', 'random', 'base'].map(learnerNamed) as [
    Learner,
    Learner,
    Learner,
  ];
  const generations: GenerationRecord[] = [];
  for (let generation = 1; generation <= recipe.generations; generation += 1) {
    const record = await runGeneration({ seed, credit, generation, survivor, control }, tools);
    generations.push(record);
    onProgress(
      `generation ${generation}: ${Math.round(100 * record.success)} % of ${record.commands} commands freed something, ${record.kept} trajectories kept`,
    );
  }
  const life = (learner: Learner, on: readonly WorldHost[], commands: number) =>
    evaluate(on, heldOut, { propose: learner.propose(recipe.evaluationTemperature), commands, seed });
  const drawn = generations.reduce((sum, { commands }) => sum + commands, 0);
  const lives = {
    base: await life(untrained, hosts, recipe.commands),
    survivors: await life(survivor, hosts, recipe.commands),
    random: await life(control, hosts, recipe.commands),
    'base-longer': await life(untrained, patientHosts, recipe.commands + Math.round(drawn / heldOut.length)),
  };
  return { seed, credit, generations, lives };
}

interface Turn {
  readonly seed: number;
  readonly credit: Credit;
  readonly generation: number;
  readonly survivor: Learner;
  readonly control: Learner;
}

async function runGeneration(turn: Turn, tools: SeedTools): Promise<GenerationRecord> {
  const { seed, credit, generation, survivor, control } = turn;
  const { recipe, hosts, onProgress } = tools;
  const length = lengthOf[credit];
  const siblings = Math.max(1, Math.round(recipe.siblings / length));
  const indices = Array.from({ length: recipe.situations }, (_, i) => i);
  /** The same draws for both arms: they differ by their weights alone. */
  const proposing = (learner: Learner, place: number) => {
    const propose = learner.propose(recipe.samplingTemperature);
    return (observation: Observation, step: number) =>
      propose(observation, seedNumber(seed, 'weights-loop', 'draw', generation, place, step));
  };
  /** Siblings of one command that say the same are one execution. */
  const litter = async (host: WorldHost, stand: Stand, index: number): Promise<Trajectory[]> => {
    const decides = Array.from({ length: siblings }, (_, i) => proposing(survivor, index * siblings + i));
    const firsts = await Promise.all(decides.map((decide) => decide(stand.observation, 0)));
    const known = new Map<string, Trajectory>();
    const lived: Trajectory[] = [];
    for (const [i, decide] of decides.entries()) {
      const key = length === 1 ? firsts[i]!.join(' ') : String(i);
      const found =
        known.get(key) ??
        (await act(host, stand, length, (seen, step) => (step === 0 ? firsts[i]! : decide(seen, step))));
      known.set(key, found);
      lived.push(found);
    }
    return lived;
  };
  let done = 0;
  const situations = await spread(hosts, indices, async (host, index) => {
    const plan = trainingWorld(seed, generation, index, recipe.difficulty);
    const found = await orLost(async () => {
      const stand = await warmedUp(host, plan, seed);
      return { stand, lived: await litter(host, stand, index) };
    });
    done += 1;
    if (done % 40 === 0) onProgress(`generation ${generation}: ${done} of ${recipe.situations} situations`);
    return found;
  });
  const known = situations.filter((one) => one !== null);
  const kept = survivors(
    credit,
    known.map(({ lived }) => lived),
  );
  const chosen = randomPlaces(seed, generation, known.length * siblings, kept.length);
  const random = await spread(hosts, chosen, (host, place) =>
    orLost(() => act(host, known[Math.floor(place / siblings)]!.stand, length, proposing(control, place))),
  );
  const given = random.filter((one) => one !== null);
  onProgress(`generation ${generation}: ${kept.length} trajectories kept, training`);
  const [lesson, controlLesson] = await Promise.all([survivor.learn(kept), control.learn(given)]);
  const steps = known.flatMap(({ lived }) => lived.flatMap(({ moments }) => moments.map(({ step }) => step)));
  return {
    ...{ generation, lost: situations.length - known.length, commands: steps.length, kept: kept.length },
    success: steps.length === 0 ? 0 : mean(steps.map(({ deltaBytes }) => Number(deltaBytes > 0))),
    ...{ survivors: lesson, control: { ...controlLesson, kept: given.length } },
  };
}
