import { adoptionEvents } from './adoptions.ts';
import { scoreFormat } from './format.ts';
import { itemComparisons } from './items.ts';
import type { ReportData } from './report-data.ts';
import { adoptionColumns } from './tables/adoptions.ts';
import { budgetCsvColumns } from './tables/budgets.ts';
import { curveColumns, curveRows } from './tables/curves.ts';
import { gainCsvColumns, gainPointColumns, gainRows } from './tables/gains.ts';
import { itemCsvColumns } from './tables/items.ts';
import { lifeEventFiles } from './tables/life-events.ts';
import { outcomeCsvColumns } from './tables/outcomes.ts';
import { csvTable } from './tables/table.ts';
import { thresholdCsvColumns } from './tables/thresholds.ts';
import { waitColumns, waitRows } from './tables/waits.ts';
import { thresholdComparisons } from './threshold.ts';

/** Every table of a report and the points of every figure, as CSV files by name. */
export function csvTables({ outcomes, comparable, gains, budgets, thresholds }: ReportData): Record<string, string> {
  const format = scoreFormat(outcomes);
  const comparisons = thresholdComparisons(outcomes, thresholds);
  const waits = waitRows(outcomes, thresholds);
  const items = itemComparisons(outcomes);
  return {
    'outcomes.csv': csvTable(outcomeCsvColumns(format), outcomes),
    'curves.csv': csvTable(curveColumns(), curveRows(outcomes)),
    'transfer-gain.csv': csvTable(gainCsvColumns(format), gains),
    'transfer-gain-points.csv': csvTable(gainPointColumns(), gainRows(gains)),
    ...(waits.length > 0 ? { 'time-to-threshold.csv': csvTable(waitColumns(), waits) } : {}),
    ...(comparisons.length > 0 ? { 'threshold.csv': csvTable(thresholdCsvColumns(format), comparisons) } : {}),
    ...(items.length > 0 ? { 'items.csv': csvTable(itemCsvColumns(format), items) } : {}),
    'adoptions.csv': csvTable(adoptionColumns(format), adoptionEvents(outcomes)),
    ...lifeEventFiles({ outcomes, comparable }),
    'budgets.csv': csvTable(budgetCsvColumns, budgets),
  };
}
