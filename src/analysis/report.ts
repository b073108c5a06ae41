import { adoptionEvents } from './adoptions.ts';
import { comparableRuns } from './comparable-runs.ts';
import { summariseFiveLines } from './conclusion.ts';
import { armBudgets } from './equal-budget.ts';
import { scoreCurves, scoreCurvesCaption } from './figures/score-curves.ts';
import { transferCaption, transferDots } from './figures/transfer-dots.ts';
import { scoreFormat } from './format.ts';
import { type LineageOutcome, lineageOutcomes } from './lineage-outcome.ts';
import { banners, limits } from './report-notices.ts';
import type { RunRecord } from './run-record.ts';
import { adoptionColumns } from './tables/adoptions.ts';
import { budgetColumns, budgetCsvColumns } from './tables/budgets.ts';
import { gainColumns, gainCsvColumns, gainPointColumns, gainRows } from './tables/gains.ts';
import { curveColumns, curveRows, outcomeColumns, outcomeCsvColumns } from './tables/outcomes.ts';
import { csvTable, fenced, markdownTable, plain } from './tables/table.ts';
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
    ...tableSections(outcomes, gains),
    `## How to reproduce\n\n${reproduce(context)}`,
    `## Limits\n\n${limits(outcomes)
      .map((limit) => `- ${limit}`)
      .join('\n')}`,
  ];
  return { markdown: `${sections.join('\n\n')}\n`, figures, tables: csvTables(outcomes, gains) };
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

function tableSections(outcomes: readonly LineageOutcome[], gains: readonly TransferGain[]): string[] {
  const format = scoreFormat(outcomes);
  const adoptions = adoptionEvents(outcomes);
  const isAnyUneven = gains.some((g) => g.points.some(isUneven));
  return [
    `${markdownTable(gainColumns(format), gains)}\n\n${gainNotes(gains, isAnyUneven)}`,
    `## Every lineage\n\n${markdownTable(outcomeColumns(format), outcomes)}\n\nSelection scores; best and last with their generation. \`failed\` counts generations without a score, which are no zeros; \`refused\` those that were measured and not promoted. More columns in [outcomes.csv](outcomes.csv), every generation in [curves.csv](curves.csv).`,
    `## Adoptions\n\n${
      adoptions.length === 0
        ? 'No adoption was recorded.'
        : `${markdownTable(adoptionColumns(format), adoptions)}\n\nEffect: own selection score minus the parent's. Also in [adoptions.csv](adoptions.csv).`
    }`,
    `## Budgets\n\n${markdownTable(budgetColumns, armBudgets(outcomes))}\n\nMedian, with lowest and highest where they differ. Also in [budgets.csv](budgets.csv).`,
  ];
}

function gainNotes(gains: readonly TransferGain[], isAnyUneven: boolean): string {
  return [
    'Gain: improvement over generation 0 in the paired arm minus that in the control, same seed.',
    'Up to 3 seeds: points only.',
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

function csvTables(outcomes: readonly LineageOutcome[], gains: readonly TransferGain[]): Record<string, string> {
  const format = scoreFormat(outcomes);
  return {
    'outcomes.csv': csvTable(outcomeCsvColumns(format), outcomes),
    'curves.csv': csvTable(curveColumns(), curveRows(outcomes)),
    'transfer-gain.csv': csvTable(gainCsvColumns(format), gains),
    'transfer-gain-points.csv': csvTable(gainPointColumns(), gainRows(gains)),
    'adoptions.csv': csvTable(adoptionColumns(format), adoptionEvents(outcomes)),
    'budgets.csv': csvTable(budgetCsvColumns, armBudgets(outcomes)),
  };
}

function definedOnly(files: Record<string, string | null>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== null));
}
