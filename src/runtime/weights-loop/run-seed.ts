import type { Base } from '../../models/embedded/files/base-checkpoint.ts';
import { closedWorld } from '../../niches/storage/closed-world.ts';
import type { WorldPlan } from '../../niches/storage/plan.ts';
import type { WorldHost } from '../../niches/storage/world-host.ts';
import { type Credit, creditRules } from './credit.ts';
import { evaluate, type LifeOutcome } from './evaluate.ts';
import { createLearner, type Learner, type Lesson } from './learner.ts';
import type { LoopRecipe } from './recipe.ts';
import { runGeneration } from './run-generation.ts';

/** Everything that acts in the held-out worlds, by name. */
export const arms = ['base', 'random', 'base-longer', 'survivors'] as const;
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
  /** Trajectories whose last command was learnt as what must not be said. */
  readonly shunned: number;
  readonly survivors: Lesson;
  /** The control's: as many trajectories, chosen without a look at what came of them. */
  readonly control: Lesson & { readonly kept: number };
}

export interface SeedRecord {
  readonly seed: number;
  readonly credit: Credit;
  readonly generations: readonly GenerationRecord[];
  readonly lives: Lives;
  /** The same in the held-out worlds closed: what is freed there takes two steps. */
  readonly closedLives: Lives;
}

/** One outcome for each held-out world, in their order; `null` where the sandbox failed. */
export type Lives = Readonly<Record<Exclude<Arm, 'base-longer'>, readonly (LifeOutcome | null)[]>> & {
  readonly 'base-longer'?: readonly (LifeOutcome | null)[];
};

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
  const { method, hasLongControl } = creditRules[credit];
  const learnerNamed = (name: string) =>
    createLearner({ name, base, directory, method, hyperparameters: recipe.lora, seed, threads, signal });
  const [survivor, control, untrained] = ['survivors', 'random', 'base'].map(learnerNamed) as [
    Learner,
    Learner,
    Learner,
  ];
  const generations: GenerationRecord[] = [];
  for (let generation = 1; generation <= recipe.generations; generation += 1) {
    const record = await runGeneration({ seed, credit, generation, survivor, control, untrained }, tools);
    generations.push(record);
    onProgress(
      `generation ${generation}: ${Math.round(100 * record.success)} % of ${record.commands} commands freed something, ${record.kept} trajectories kept`,
    );
  }
  const life = (learner: Learner, worlds = heldOut, on = hosts, commands = recipe.commands) =>
    evaluate(on, worlds, { propose: learner.propose(recipe.evaluationTemperature), commands, seed });
  const livesIn = async (worlds: readonly WorldPlan[]) => ({
    base: await life(untrained, worlds),
    survivors: await life(survivor, worlds),
    random: await life(control, worlds),
  });
  const drawn = generations.reduce((sum, { commands }) => sum + commands, 0);
  const lives = await livesIn(heldOut);
  const longer = hasLongControl
    ? await life(untrained, heldOut, patientHosts, recipe.commands + Math.round(drawn / heldOut.length))
    : undefined;
  const closedLives = await livesIn(heldOut.map(closedWorld));
  return {
    ...{ seed, credit, generations, closedLives },
    lives: { ...lives, ...(longer === undefined ? {} : { 'base-longer': longer }) },
  };
}
