import type { WeightsLoopResult } from '../../index.ts';
import { counted, formatChange, formatDuration, formatScore } from '../text/numbers.ts';
import { columns } from '../text/width.ts';

type Inference = WeightsLoopResult['comparisons'][number]['inference'];

/** A weights loop's result, for people: what each arm did in the held-out worlds, and survivors against the others. */
export function weightsLoopLines(result: WeightsLoopResult): string[] {
  const { base, recipe, seeds, situations } = result;
  const credits = [...new Set(seeds.map(({ credit }) => credit))];
  const count = new Set(seeds.map(({ seed }) => seed)).size;
  return [
    `Base ${base.name} (${base.sha256.slice(0, 8)}): ${counted(recipe.generations, 'generation')} of ${recipe.situations} situations × ${recipe.siblings} commands; ${counted(count, 'seed')}`,
    `Held out: ${counted(situations, 'world')} × ${recipe.commands} commands. Shares are of what the oracle freed`,
    ...credits.flatMap((credit) => [
      ...['', `Credit ${credit}`, ...tables(result, credit), ...seedLines(result, credit)],
      '  in the same worlds closed, where a right has to be taken back first:',
      ...tables(result.closed, credit),
    ]),
  ];
}

type Credit = WeightsLoopResult['seeds'][number]['credit'];

function tables(result: Pick<WeightsLoopResult, 'arms' | 'comparisons'>, credit: Credit): string[] {
  const arms = result.arms.filter((one) => one.credit === credit);
  const measures = [...new Set(arms.map(({ measure }) => measure))];
  const meanOf = (arm: string, measure: string) => arms.find((one) => one.arm === arm && one.measure === measure)?.mean;
  return [
    ...columns([
      ['', ...measures],
      ...[...new Set(arms.map(({ arm }) => arm))].map((arm) => [
        `  ${arm}`,
        ...measures.map((measure) => formatScore(meanOf(arm, measure) ?? null, 2)),
      ]),
    ]),
    ...columns(
      result.comparisons
        .filter((one) => one.credit === credit)
        .map(({ against, measure, inference }) => [`  survivors − ${against}`, measure, ...inferenceCells(inference)]),
    ),
  ];
}

function seedLines({ seeds }: WeightsLoopResult, credit: Credit): string[] {
  return seeds
    .filter((one) => one.credit === credit)
    .map(
      ({ seed, generations, wallMs }) =>
        `  seed ${seed} (${formatDuration(wallMs)}): ${generations
          .map(({ success, kept, shunned, lost, survivors }) => {
            const lesson = survivors.adapter === null ? `, not trained: ${survivors.failure}` : '';
            return `${Math.round(100 * success)} % freed, ${kept} kept${shunned > 0 ? `, ${shunned} shunned` : ''}${lost > 0 ? `, ${lost} lost` : ''}${lesson}`;
          })
          .join(' → ')}`,
    );
}

function inferenceCells(inference: Inference): string[] {
  if (inference === null) return ['too few situations to say'];
  const { mean, interval, p } = inference;
  const change = (value: number) => formatChange(value, 2);
  return [
    change(mean),
    `[${change(interval.low)}, ${change(interval.high)}]`,
    p === null ? 'no exact p' : `p ${p < 0.001 ? '< 0.001' : p.toFixed(3)}`,
  ];
}
