/**
 * What an arm changes. Everything else (models, budgets, items, RNG streams)
 * is equal across the arms of one seed, so differences are paired.
 */
export interface Arm {
  /** Which question it belongs to: what peers give, whether evolution beats plain sampling, or which part of it does the work. */
  readonly family: 'transfer' | 'baseline' | 'replication';
  /**
   * What `strategies/` holds: the peers' published genomes; those of a second
   * instance of the same model; nothing; useless code of the peers' size and
   * shape; or what peers published in the paired run of another seed.
   */
  readonly strategies: 'peers' | 'twin' | 'none' | 'sham' | 'shuffled';
  /** Overrides the experiment's selection policy, and who may be a parent. */
  readonly selection: 'root' | 'latest' | 'score-child-prop' | 'random' | 'annealing' | null;
  readonly parents: 'valid' | null;
  /** Overrides whose meta-agent edits. */
  readonly metaFrom: 'parent' | 'generation-0' | null;
  readonly gate: 'strict-improvement' | 'valid';
  readonly purpose: string;
}

const asConfigured = { selection: null, parents: null, metaFrom: null, gate: 'strict-improvement' } as const;
const transfer = { ...asConfigured, family: 'transfer' } as const;
const baseline = { ...asConfigured, family: 'baseline', strategies: 'none', parents: 'valid' } as const;
/** @see the published replication of Hyperagents (DGM-H), arms A to D. */
const replication = { ...asConfigured, family: 'replication', strategies: 'none' } as const;

export const arms = {
  paired: { ...transfer, strategies: 'peers', purpose: "each lineage sees the others' published strategies" },
  solo: { ...transfer, strategies: 'none', purpose: 'same harness and budget, strategies/ empty' },
  sham: { ...transfer, strategies: 'sham', purpose: 'strategies/ holds useless code of equal size and shape' },
  self: { ...transfer, strategies: 'twin', purpose: 'paired with a second instance of the same model' },
  shuffled: {
    ...transfer,
    strategies: 'shuffled',
    purpose: 'strategies/ holds what the peers published in the paired run of another seed, round by round',
  },
  iid: { ...baseline, selection: 'root', purpose: 'baseline: independent samples from the initial harness' },
  sequential: {
    ...baseline,
    selection: 'latest',
    gate: 'valid',
    purpose: 'baseline: keep editing the latest, no archive, no selection',
  },
  full: {
    ...replication,
    selection: 'score-child-prop',
    metaFrom: 'parent',
    purpose: "replication, arm A: parents by score and children, the parent's own meta-agent edits",
  },
  'frozen-meta': {
    ...replication,
    selection: 'score-child-prop',
    metaFrom: 'generation-0',
    purpose: 'replication, arm B: as full, but the meta-agent of generation 0 edits',
  },
  'random-parent': {
    ...replication,
    selection: 'random',
    metaFrom: 'parent',
    purpose: 'replication, arm C: as full, but every parent is equally likely',
  },
  annealing: {
    ...replication,
    selection: 'annealing',
    metaFrom: 'parent',
    purpose: "replication, arm D: as full, with tournaments against a child of generation 0's meta-agent",
  },
} as const satisfies Record<string, Arm>;

export type ArmName = keyof typeof arms;
export const armNames = Object.keys(arms) as [ArmName, ...ArmName[]];

/** Arms that a reader of these misses: the baselines, and the others of a family of which some ran. */
export function missingArms(ran: readonly ArmName[]): ArmName[] {
  const families = new Set<Arm['family']>(['baseline', ...ran.map((arm) => arms[arm].family)]);
  return armNames.filter((arm) => families.has(arms[arm].family) && !ran.includes(arm));
}

/** Whether `strategies/` holds code of this run's own lineages, so that it is known who read and took what. */
export function showsOwnLineages(arm: ArmName): boolean {
  const { strategies } = arms[arm];
  return strategies === 'peers' || strategies === 'twin';
}
