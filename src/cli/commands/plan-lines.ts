import { arms, type ExperimentPlan } from '../../index.ts';
import { counted } from '../text/numbers.ts';
import { columns } from '../text/width.ts';

/** What an experiment would do at most, for people; `findings` is what else there is to say of it. */
export function planLines(plan: ExperimentPlan, findings: readonly string[] = []): string[] {
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
        maxUsd === null ? 'not known: set a price for each model, or budget.usd' : `at most $${maxUsd.toFixed(2)}`,
      ],
    ]),
    '',
    ...(findings.length > 0 ? [...findings, ''] : []),
    'Nothing was run.',
  ];
}
