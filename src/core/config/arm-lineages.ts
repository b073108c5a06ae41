import { type LineageId, parseLineageId } from '../ids.ts';
import { type ArmName, arms } from './arms.ts';
import type { ExperimentConfig } from './experiment-schema.ts';

/** A lineage of a run. */
export interface ArmLineage {
  readonly id: LineageId;
  readonly model: string;
  /** The lineage whose second instance this is: it is there to be seen, and is not reported. */
  readonly twinOf: LineageId | null;
}

/** What a lineage's second instance is called. */
export const twinName = (lineage: string) => `${lineage}-twin`;

/** Everyone who takes part in a run of this arm: the experiment's lineages, in `self` each with its twin beside it. */
export function armLineages({ lineages }: Pick<ExperimentConfig, 'lineages'>, arm: ArmName): readonly ArmLineage[] {
  return Object.entries(lineages).flatMap(([name, { model }]) => {
    const own = { id: parseLineageId(name), model, twinOf: null };
    if (arms[arm].strategies !== 'twin') return [own];
    return [own, { ...own, id: parseLineageId(twinName(name)), twinOf: own.id }];
  });
}

/** Who sees whose strategies: lineages of one circle do, and nobody else. */
export function circlesOf(lineages: readonly ArmLineage[], arm: ArmName): ReadonlyMap<LineageId, string> {
  const circleOf = ({ id, twinOf }: ArmLineage) => {
    const { strategies } = arms[arm];
    if (strategies === 'twin') return twinOf ?? id;
    return strategies === 'none' ? id : '';
  };
  return new Map(lineages.map((lineage) => [lineage.id, circleOf(lineage)]));
}

/**
 * The limits of one run. Those that its lineages share grow with their number,
 * so that each has as much in `self`, with its twins, as in every other arm.
 */
export function armBudget(
  config: Pick<ExperimentConfig, 'budget' | 'lineages'>,
  arm: ArmName,
): ExperimentConfig['budget'] {
  const times = arms[arm].strategies === 'twin' ? 2 : 1;
  const { tokens, usd, evaluations, wallMs, ...rest } = config.budget;
  const shared = Object.entries({ tokens, usd, evaluations, wallMs }).filter(([, limit]) => limit !== undefined);
  return { ...rest, ...Object.fromEntries(shared.map(([name, limit]) => [name, limit! * times])) };
}
