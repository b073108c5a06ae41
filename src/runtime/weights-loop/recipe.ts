/** How the loop goes. Everybody samples at one temperature and is evaluated at another. */
export interface LoopRecipe {
  readonly generations: number;
  /** Of one generation. */
  readonly situations: number;
  /** Commands drawn in each of them: as many trajectories of one command, or a third as many of three. */
  readonly siblings: number;
  /** Of every world, from 0 to 1. */
  readonly difficulty: number;
  readonly samplingTemperature: number;
  readonly evaluationTemperature: number;
  /** Held-out worlds, and the commands of a life in them. */
  readonly heldOut: number;
  readonly commands: number;
  /** What the embedded trainer knows by these names. */
  readonly lora: Readonly<Record<string, number>>;
}

export const recipes = {
  full: {
    ...{ generations: 3, situations: 64, siblings: 8, difficulty: 0.5, heldOut: 20, commands: 6 },
    ...{ samplingTemperature: 1, evaluationTemperature: 0.3 },
    lora: { rank: 8, alpha: 16, steps: 80, batchSize: 32, learningRate: 5e-3 },
  },
  /** Shows that it works, not how well. */
  quick: {
    ...{ generations: 2, situations: 32, siblings: 6, difficulty: 0.5, heldOut: 10, commands: 6 },
    ...{ samplingTemperature: 1, evaluationTemperature: 0.3 },
    lora: { rank: 8, alpha: 16, steps: 60, batchSize: 32, learningRate: 5e-3 },
  },
} as const satisfies Readonly<Record<string, LoopRecipe>>;
