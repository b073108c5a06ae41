import { adoptionEvents } from './adoptions.ts';
import { comparableRuns } from './comparable-runs.ts';
import { summariseFiveLines } from './conclusion.ts';
import { armLineages } from './efficiency.ts';
import { type ArmBudget, armBudgets, budgetChecks } from './equal-budget.ts';
import { scoreCurves, scoreCurvesCaption } from './figures/score-curves.ts';
import { transferCaption, transferDots } from './figures/transfer-dots.ts';
import { type ScoreFormat, scoreFormat } from './format.ts';
import { itemComparisons } from './items.ts';
import { type LineageOutcome, lineageOutcomes, twinOutcomes } from './lineage-outcome.ts';
import { banners, limits } from './report-notices.ts';
import type { RunRecord } from './run-record.ts';
import { adoptionColumns } from './tables/adoptions.ts';
import { budgetColumns, budgetCsvColumns } from './tables/budgets.ts';
import { efficiencyColumns } from './tables/efficiency.ts';
import { gainColumns, gainCsvColumns, gainPointColumns, gainRows } from './tables/gains.ts';
import { itemColumns, itemCsvColumns } from './tables/items.ts';
import { curveColumns, curveRows, outcomeColumns, outcomeCsvColumns } from './tables/outcomes.ts';
import { csvTable, fenced, markdownTable, plain } from './tables/table.ts';
import { thresholdColumns, thresholdCsvColumns } from './tables/thresholds.ts';
import { thresholdComparisons } from './threshold.ts';
import { isUneven, type TransferGain, transferGains } from './transfer.ts';

export { summariseFiveLines } from './conclusion.ts';

/** What the records do not know of themselves. */
export interface ReportContext {
  readonly experiment: string;
  readonly question: string;
  readonly niche: string;
  /** The command that makes these runs again. */
  readonly command: string;
  readonly version: string;
  /** The sandbox provider. */
  readonly provider: string;
  /** Model names with a line about each. */
  readonly models: Readonly<Record<string, string>>;
}

/** Files of one report, by name; all of them belong into one directory, beside `report.md`. */
export interface Report {
  readonly markdown: string;
  /** `.svg` files. A figure with nothing to show is left out. */
  readonly figures: Record<string, string>;
  /** `.csv` files; `NA` is "not measured". */
  readonly tables: Record<string, string>;
}

/** Pure: the same records and context give the same bytes. Runs that are still going are reported as provisional. */
export function renderReport(records: readonly RunRecord[], context: ReportContext): Report {
  const comparable = comparableRuns(records);
  const outcomes = lineageOutcomes(comparable.runs);
  const gains = transferGains(outcomes);
  const budgets = armBudgets(outcomes, twinOutcomes(comparable.runs));
  const figures = definedOnly({
    'score-curves.svg': scoreCurves(outcomes, context.experiment),
    'transfer-gain.svg': transferDots(gains, outcomes, context.experiment),
  });
  const sections = [
    `# ${plain(context.experiment)}`,
    context.question === '' ? 'No question was stated.' : `**Question.** ${plain(context.question)}`,
    ...banners(comparable, outcomes).map((banner) => `> **Note.** ${plain(banner)}`),
    `**Conclusion.** ${summariseFiveLines(records).map(plain).join('\n')}`,
    ...figureSections(figures, outcomes, gains),
    ...tableSections(outcomes, gains, budgets),
    `## How to reproduce\n\n${reproduce(context)}`,
    `## Limits\n\n${limits(outcomes)
      .map((limit) => `- ${limit}`)
      .join('\n')}`,
  ];
  return { markdown: `${sections.join('\n\n')}\n`, figures, tables: csvTables(outcomes, gains, budgets) };
}

function figureSections(
  figures: Record<string, string>,
  outcomes: readonly LineageOutcome[],
  gains: readonly TransferGain[],
): string[] {
  const figure = (file: string, caption: string, without: string) =>
    file in figures ? `![${plain(caption)}](${file})` : without;
  return [
    '## Scores',
    figure(
      'score-curves.svg',
      scoreCurvesCaption(outcomes),
      'No generation was measured, so there is no curve to draw.',
    ),
    '## Transfer gain',
    figure(
      'transfer-gain.svg',
      transferCaption(gains),
      'No seed has both a paired run and a control, so transfer gain was not measured.',
    ),
  ];
}

function tableSections(
  outcomes: readonly LineageOutcome[],
  gains: readonly TransferGain[],
  budgets: readonly ArmBudget[],
): string[] {
  const format = scoreFormat(outcomes);
  const adoptions = adoptionEvents(outcomes);
  const isAnyUneven = gains.some((g) => g.points.some(isUneven));
  return [
    `${markdownTable(gainColumns(format), gains)}\n\n${gainNotes(gains, isAnyUneven)}`,
    `## Time to threshold\n\n${thresholdSection(outcomes, format)}`,
    `## Held-out items\n\n${itemSection(outcomes, format)}`,
    `## Efficiency\n\n${markdownTable(efficiencyColumns(format), armLineages(outcomes))}\n\n${efficiencyNotes}`,
    `## Every lineage\n\n${markdownTable(outcomeColumns(format), outcomes)}\n\nOne row is one run, n = 1 seed. Selection scores; best and last with their generation; the test with its 95 % interval over items from 4 items on, which describes that agent and no method. \`failed\` counts generations without a score, which are no zeros; \`refused\` those that were measured and not promoted. More columns in [outcomes.csv](outcomes.csv), every generation in [curves.csv](curves.csv).`,
    `## Adoptions\n\n${
      adoptions.length === 0
        ? 'No adoption was recorded.'
        : `${markdownTable(adoptionColumns(format), adoptions)}\n\nOne row is one event, n = ${adoptions.length} in all. Effect: own selection score minus the parent's. Also in [adoptions.csv](adoptions.csv).`
    }`,
    `## Budgets\n\n${markdownTable(budgetColumns, budgets)}\n\nMedian, with lowest and highest where they differ; n is the number of runs. ${budgetChecks(outcomes)} Also in [budgets.csv](budgets.csv).`,
  ];
}

function thresholdSection(outcomes: readonly LineageOutcome[], format: ScoreFormat): string {
  const comparisons = thresholdComparisons(outcomes);
  if (comparisons.length === 0) return 'Not measured: no seed has both a paired run and a control.';
  return `${markdownTable(thresholdColumns(format), comparisons)}\n\n${thresholdNotes}`;
}

const thresholdNotes = [
  "Generations until the best score so far reached the threshold, which is the lineage's median best over all of these runs and does not know their arms; >k: not within the k generations there were (censored).",
  'From 4 seeds on: Kaplan-Meier medians; saved: mean wait in the control minus that in the paired arm, counting no more than the generations stated; p: exact sign-flip test of Gehan scores, which takes equal budgets for granted; Holm over this table.',
  'Also in [threshold.csv](threshold.csv).',
].join(' ');

function itemSection(outcomes: readonly LineageOutcome[], format: ScoreFormat): string {
  const comparisons = itemComparisons(outcomes);
  if (comparisons.length === 0)
    return 'Not compared: no seed has test items that were measured in both a paired run and a control.';
  return [
    markdownTable(itemColumns(format), comparisons),
    "One seed's two agents on the same test items: this describes these agents, and no number of items says anything of the method; the seeds do. Up to 3 items: the difference only. Holm over this table. Also in [items.csv](items.csv).",
  ].join('\n\n');
}

const efficiencyNotes = [
  'n is the number of seeds; each of them is shown up to 3, from 4 on their median with lowest and highest.',
  'area: mean of imp@1 to imp@K over the K generations there were. kept at the end: what the last measured generation still had of the best gain.',
  'Per 0.01: everything spent over the whole gain in hundredths of the score; – where nothing was gained or nothing measured. Per run in [outcomes.csv](outcomes.csv).',
].join(' ');

function gainNotes(gains: readonly TransferGain[], isAnyUneven: boolean): string {
  return [
    'Gain: improvement over generation 0 in the paired arm minus that in the control, same seed.',
    'Up to 3 seeds: points only. 4 and 5: range, interval and exact p, which cannot be below 0.05. A claim takes 6 seeds and a corrected p of 0.05.',
    ...(gains.some((g) => g.inference !== null)
      ? ["p: exact two-sided sign-flip test; Holm: corrected over this table's rows that have a p."]
      : []),
    ...(isAnyUneven ? ['†: the two runs have different numbers of generations.'] : []),
    'Also in [transfer-gain.csv](transfer-gain.csv), seed by seed in [transfer-gain-points.csv](transfer-gain-points.csv).',
  ].join(' ');
}

function reproduce(context: ReportContext): string {
  const models = Object.entries(context.models).map(([name, about]) => `- model ${plain(name)}: ${plain(about)}`);
  return [
    fenced(context.command),
    [
      `- galapagos ${plain(context.version)}`,
      `- niche: ${plain(context.niche)}`,
      `- sandbox provider: ${plain(context.provider)}`,
      ...models,
    ].join('\n'),
  ].join('\n\n');
}

function csvTables(
  outcomes: readonly LineageOutcome[],
  gains: readonly TransferGain[],
  budgets: readonly ArmBudget[],
): Record<string, string> {
  const format = scoreFormat(outcomes);
  const [waits, items] = [thresholdComparisons(outcomes), itemComparisons(outcomes)];
  return {
    'outcomes.csv': csvTable(outcomeCsvColumns(format), outcomes),
    'curves.csv': csvTable(curveColumns(), curveRows(outcomes)),
    'transfer-gain.csv': csvTable(gainCsvColumns(format), gains),
    'transfer-gain-points.csv': csvTable(gainPointColumns(), gainRows(gains)),
    ...(waits.length > 0 ? { 'threshold.csv': csvTable(thresholdCsvColumns(format), waits) } : {}),
    ...(items.length > 0 ? { 'items.csv': csvTable(itemCsvColumns(format), items) } : {}),
    'adoptions.csv': csvTable(adoptionColumns(format), adoptionEvents(outcomes)),
    'budgets.csv': csvTable(budgetCsvColumns, budgets),
  };
}

function definedOnly(files: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== null));
}
