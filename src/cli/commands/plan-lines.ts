import { arms, type ExperimentPlan } from '../../index.ts';
import { counted } from '../text/numbers.ts';
import { columns } from '../text/width.ts';

/** What an experiment would do at most, for people. */
export function planLines(plan: ExperimentPlan): string[] {
  const { experiment, seeds, lineages, runs, generations, evaluations, maxTokens, maxUsd } = plan;
  const purpose = (arm: string) => (arms as Readonly<Record<string, { readonly purpose: string }>>)[arm]?.purpose ?? '';
  const grouped = (n: number) => n.toLocaleString('en-US');
  return [
    `${experiment}: ${counted(runs, 'run')} = ${counted(plan.arms.length, 'arm')} × ${counted(seeds.length, 'seed')}`,
    '',
    ...columns([
      ...plan.arms.map((arm, i) => [i === 0 ? 'arms' : '', arm, purpose(arm)]),
      ['seeds', seeds.join(', ')],
      ...Object.entries(lineages).map(([id, model], i) => [i === 0 ? 'lineages' : '', id, model]),
    ]),
    '',
    ...columns([
      ['generations', grouped(generations)],
      ['evaluations', `at most ${grouped(evaluations)}`],
      ['tokens', `at most ${grouped(maxTokens)}`],
      [
        'cost',
        maxUsd === null ? 'no upper bound: set a price for each model, or budget.usd' : `at most $${maxUsd.toFixed(2)}`,
      ],
    ]),
    '',
    'Nothing was run.',
  ];
}
