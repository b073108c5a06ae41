import { summariseFiveLines } from './conclusion.ts';
import { standaloneSvg } from './figures/figure.ts';
import { scoreFormat } from './format.ts';
import { type ReportContext, type ReportData, reportData } from './report-data.ts';
import { htmlPage } from './report-html.ts';
import { markdownPage } from './report-markdown.ts';
import { type Block, figuresOf, type Page } from './report-model.ts';
import { banners, limits } from './report-notices.ts';
import { reportSections } from './report-sections.ts';
import { csvTables } from './report-tables.ts';
import type { RunRecord } from './run-record.ts';
import { gainCsvColumns } from './tables/gains.ts';
import { rowObjects } from './tables/table.ts';
import { thresholdCsvColumns } from './tables/thresholds.ts';
import { thresholdComparisons } from './threshold.ts';

export { summariseFiveLines } from './conclusion.ts';
export type { ReportContext } from './report-data.ts';

/** Files of one report, by name; all of them belong into one directory, beside `report.md` and `report.html`. */
export interface Report {
  readonly markdown: string;
  /** The same for a browser: one file, figures and style inside. */
  readonly html: string;
  /** `.svg` files. A figure with nothing to show is left out. */
  readonly figures: Record<string, string>;
  /** `.csv` files; `NA` is "not measured". */
  readonly tables: Record<string, string>;
  readonly summary: ReportSummary;
}

/** The gist of a report, for programs. */
export interface ReportSummary {
  readonly conclusion: readonly string[];
  /** What a reader must know first: unfinished runs, unequal budgets, what is not available. */
  readonly notes: readonly string[];
  /** Rows of `transfer-gain.csv` and `threshold.csv`, by the same keys. */
  readonly gains: readonly Readonly<Record<string, string | number | null>>[];
  readonly waits: readonly Readonly<Record<string, string | number | null>>[];
}

/** Pure: the same records and context give the same bytes. Runs that are still going are reported as provisional. */
export function renderReport(records: readonly RunRecord[], context: ReportContext): Report {
  const data = reportData(records, context);
  const { comparable, outcomes, gains, thresholds } = data;
  const format = scoreFormat(outcomes);
  const summary: ReportSummary = {
    conclusion: summariseFiveLines(records),
    notes: banners(comparable, outcomes),
    gains: rowObjects(gainCsvColumns(format), gains),
    waits: rowObjects(thresholdCsvColumns(format), thresholdComparisons(outcomes, thresholds)),
  };
  return { ...renderPage(pageOf(data, summary), context.experiment), tables: csvTables(data), summary };
}

/** A page in both languages, with its figures. */
export function renderPage(page: Page, experiment: string): Omit<Report, 'tables' | 'summary'> {
  return {
    markdown: markdownPage(page),
    html: htmlPage(page),
    figures: Object.fromEntries([...figuresOf(page)].map(([file, f]) => [file, standaloneSvg(f, experiment)])),
  };
}

function pageOf(data: ReportData, { notes, conclusion }: ReportSummary): Page {
  const { context, outcomes } = data;
  const { experiment, question } = context;
  return {
    title: experiment,
    lead: [
      ...(question === ''
        ? [{ kind: 'paragraph', content: ['No question was stated.'] } as const]
        : [{ kind: 'lead', label: 'Question', lines: [question] } as const]),
      ...notes.map((text) => ({ kind: 'note', text }) as const),
      { kind: 'lead', label: 'Conclusion', lines: conclusion },
    ],
    sections: [
      ...reportSections(data),
      { heading: 'How to reproduce', blocks: reproduce(context) },
      { heading: 'Limits', blocks: [{ kind: 'list', items: limits(outcomes) }] },
    ],
  };
}

function reproduce({ command, version, niche, provider, models }: ReportContext): Block[] {
  return [
    { kind: 'code', text: command },
    {
      kind: 'list',
      items: [
        [`galapagos ${version}`],
        [`niche: ${niche}`],
        [`sandbox provider: ${provider}`],
        ...Object.entries(models).map(([name, about]) => [`model ${name}: ${about}`]),
      ],
    },
  ];
}
