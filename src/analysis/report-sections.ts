import { adoptionEvents } from './adoptions.ts';
import { hasProvenance } from './conclusion.ts';
import { armLineages } from './efficiency.ts';
import { budgetChecks } from './equal-budget.ts';
import { adoptionGraph } from './figures/adoption-graph.ts';
import { codeSize } from './figures/code-size.ts';
import { costCurves } from './figures/cost-curves.ts';
import { scoreCurves } from './figures/score-curves.ts';
import { timeToThreshold } from './figures/time-to-threshold.ts';
import { transferDots } from './figures/transfer-dots.ts';
import { fixed, scoreFormat } from './format.ts';
import { itemComparisons } from './items.ts';
import type { ReportData } from './report-data.ts';
import { type Block, figureOr, paragraph, type Section } from './report-model.ts';
import { adoptionColumns } from './tables/adoptions.ts';
import { budgetColumns } from './tables/budgets.ts';
import { efficiencyColumns } from './tables/efficiency.ts';
import { gainColumns } from './tables/gains.ts';
import { itemColumns } from './tables/items.ts';
import { lifeEventSection } from './tables/life-events.ts';
import { outcomeColumns } from './tables/outcomes.ts';
import { type Column, cellsOf } from './tables/table.ts';
import { thresholdColumns } from './tables/thresholds.ts';
import { thresholdComparisons } from './threshold.ts';
import { isUneven, type TransferGain } from './transfer.ts';

/** Longer tables are only begun on the page; the CSV file has them whole. */
const mostRows = 100;

/** What was measured, section by section. */
export function reportSections(data: ReportData): Section[] {
  return [
    { heading: 'Scores', blocks: [scores(data)] },
    { heading: 'Transfer gain', blocks: transfer(data) },
    { heading: 'Time to threshold', blocks: waits(data) },
    { heading: 'Held-out items', blocks: items(data) },
    { heading: 'Efficiency', blocks: efficiency(data) },
    { heading: 'Code size', blocks: [size(data)] },
    { heading: 'Every lineage', blocks: lineages(data) },
    { heading: 'Adoptions', blocks: adoptions(data) },
    lifeEventSection(data),
    { heading: 'Budgets', blocks: budgets(data) },
  ];
}

function scores({ outcomes }: ReportData): Block {
  const without = 'No generation was measured, so there is no curve to draw.';
  return figureOr(scoreCurves(outcomes), 'score-curves.svg', 'curves.csv', without);
}

function transfer({ outcomes, gains }: ReportData): Block[] {
  return [
    figureOr(
      transferDots(gains, outcomes),
      'transfer-gain.svg',
      'transfer-gain-points.csv',
      'No seed has both a paired run and a control, so transfer gain was not measured.',
    ),
    ...tableBlocks('transfer gain by control and lineage', gainColumns(scoreFormat(outcomes)), gains),
    paragraph(
      gainNotes(gains),
      'Also in ',
      { file: 'transfer-gain.csv' },
      ', seed by seed in ',
      { file: 'transfer-gain-points.csv' },
      '.',
    ),
  ];
}

function gainNotes(gains: readonly TransferGain[]): string {
  const isAnyUneven = gains.some((g) => g.points.some(isUneven));
  return [
    'Gain: improvement over generation 0 in the paired arm minus that in the control, same seed.',
    'Up to 3 seeds: points only. 4 and 5: range, interval and exact p, which cannot be below 0.05. A claim takes 6 seeds and a corrected p of 0.05.',
    ...(gains.some((g) => g.inference !== null)
      ? ["p: exact two-sided sign-flip test; Holm: corrected over this table's rows that have a p."]
      : []),
    ...(isAnyUneven ? ['†: the two runs have different numbers of generations.'] : []),
    '',
  ].join(' ');
}

function waits({ outcomes, thresholds }: ReportData): Block[] {
  const comparisons = thresholdComparisons(outcomes, thresholds);
  const without = 'No generation was measured, so nothing reached a threshold.';
  const figure = timeToThreshold(outcomes, thresholds);
  return [
    figureOr(figure, 'time-to-threshold.svg', 'time-to-threshold.csv', without),
    ...(comparisons.length === 0
      ? [paragraph('Arms were not compared: no seed has both a paired run and a control.')]
      : [
          ...tableBlocks(
            'generations to the threshold, paired against each control',
            thresholdColumns(scoreFormat(outcomes)),
            comparisons,
          ),
          paragraph(thresholdNotes, { file: 'threshold.csv' }, '.'),
        ]),
  ];
}

const thresholdNotes = [
  'Generations until the best score so far reached the threshold; >k: not within the k generations there were (censored).',
  'From 4 seeds on: Kaplan-Meier medians; saved: mean wait in the control minus that in the paired arm, counting no more than the generations stated; p: exact sign-flip test of Gehan scores, which takes equal budgets for granted; Holm over this table.',
  'n is the number of seeds. Also in ',
].join(' ');

function items({ outcomes }: ReportData): Block[] {
  const comparisons = itemComparisons(outcomes);
  if (comparisons.length === 0)
    return [paragraph('Not compared: no seed has test items that were measured in both a paired run and a control.')];
  return [
    ...tableBlocks('held-out items, paired minus control', itemColumns(scoreFormat(outcomes)), comparisons),
    paragraph(
      "One seed's two agents on the same test items: this describes these agents, and no number of items says anything of the method; the seeds do. Up to 3 items: the difference only; n is the number of items. Holm over this table. Also in ",
      { file: 'items.csv' },
      '.',
    ),
  ];
}

function efficiency({ outcomes }: ReportData): Block[] {
  const money = costCurves(outcomes, 'usd');
  return [
    figureOr(
      costCurves(outcomes, 'tokens'),
      'cost-tokens.svg',
      'curves.csv',
      'No tokens were spent, or nobody knows how many, so there is no curve of gain by tokens.',
    ),
    figureOr(
      money,
      'cost-usd.svg',
      'curves.csv',
      outcomes.some((o) => o.spent.usd === null)
        ? 'What it cost in USD was not metered, so there is no curve of gain by money.'
        : 'No call had a price above 0, so there is no curve of gain by money.',
    ),
    ...tableBlocks('efficiency by arm and lineage', efficiencyColumns(scoreFormat(outcomes)), armLineages(outcomes)),
    paragraph(
      'n is the number of seeds; each of them is shown up to 3, from 4 on their median with lowest and highest. area: mean of imp@1 to imp@K over the K generations there were. last minus best: how far below its best the last measured generation was, in the same units as the gain. Per 0.01: everything spent over the whole gain in hundredths of the score; – where nothing was gained, or it is not known. Per run in ',
      { file: 'outcomes.csv' },
      '.',
    ),
  ];
}

function size({ outcomes }: ReportData): Block {
  return figureOr(codeSize(outcomes), 'code-size.svg', 'curves.csv', 'No genome was measured.');
}

function lineages({ outcomes }: ReportData): Block[] {
  return [
    ...tableBlocks('every lineage of every run', outcomeColumns(scoreFormat(outcomes)), outcomes),
    paragraph(
      'One row is one run, n = 1 seed. Selection scores; best and last with their generation; the test with its 95 % interval over items from 4 items on, which describes that agent and no method. ',
      { code: 'failed' },
      ' counts generations without a score, which are no zeros; ',
      { code: 'refused' },
      ' those that were measured and not promoted. More columns in ',
      { file: 'outcomes.csv' },
      ', every generation in ',
      { file: 'curves.csv' },
      '.',
    ),
  ];
}

function adoptions({ outcomes, twins, comparable }: ReportData): Block[] {
  const events = adoptionEvents(outcomes);
  if (events.length === 0 && comparable.runs.length > 0 && !hasProvenance(comparable.runs))
    return [
      paragraph(
        'Not available: these runs do not say what came from whom; ',
        { code: 'galapagos analyze' },
        ' compares texts.',
      ),
    ];
  if (events.length === 0) return [paragraph('No adoption was recorded.')];
  return [
    figureOr(
      adoptionGraph([...outcomes, ...twins]),
      'adoptions.svg',
      'adoptions.csv',
      'None was between lineages of one run, so there is no graph.',
    ),
    ...tableBlocks('adoptions', adoptionColumns(scoreFormat(outcomes)), events),
    paragraph(
      `One row is one event, n = ${events.length} in all. Effect: own selection score minus the parent's. Also in `,
      { file: 'adoptions.csv' },
      '.',
    ),
  ];
}

function budgets({ outcomes, budgets }: ReportData): Block[] {
  return [
    ...tableBlocks('what each arm used', budgetColumns, budgets),
    paragraph(
      `Median, with lowest and highest where they differ; n is the number of runs. ${budgetChecks(outcomes)} Also in `,
      { file: 'budgets.csv' },
      '.',
    ),
  ];
}

function tableBlocks<Row>(name: string, columns: readonly Column<Row>[], rows: readonly Row[]): Block[] {
  const table: Block = { kind: 'table', name, cells: cellsOf(columns, rows.slice(0, mostRows)) };
  if (rows.length <= mostRows) return [table];
  return [table, paragraph(`The first ${mostRows} of ${fixed(rows.length, 0)} rows.`)];
}
