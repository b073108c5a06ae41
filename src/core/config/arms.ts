/**
 * What an arm changes. Everything else (models, budgets, items, RNG streams)
 * is equal across the arms of one seed, so differences are paired.
 */
export interface Arm {
  /** What `strategies/` holds: the peers' published genomes, nothing, or useless code of their size and shape. */
  readonly strategies: 'peers' | 'none' | 'sham';
  /** Overrides the experiment's selection policy. */
  readonly selection: 'root' | 'latest' | null;
  readonly gate: 'strict-improvement' | 'valid';
  readonly purpose: string;
}

export const arms = {
  paired: {
    strategies: 'peers',
    selection: null,
    gate: 'strict-improvement',
    purpose: "each lineage sees the others' published strategies",
  },
  solo: {
    strategies: 'none',
    selection: null,
    gate: 'strict-improvement',
    purpose: 'same harness and budget, strategies/ empty',
  },
  sham: {
    strategies: 'sham',
    selection: null,
    gate: 'strict-improvement',
    purpose: 'strategies/ holds useless code of equal size and shape',
  },
  iid: {
    strategies: 'none',
    selection: 'root',
    gate: 'strict-improvement',
    purpose: 'baseline: independent samples from the initial harness',
  },
  sequential: {
    strategies: 'none',
    selection: 'latest',
    gate: 'valid',
    purpose: 'baseline: keep editing the latest, no archive, no selection',
  },
} as const satisfies Record<string, Arm>;

export type ArmName = keyof typeof arms;
export const armNames = Object.keys(arms) as [ArmName, ...ArmName[]];
