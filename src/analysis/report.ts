import { summariseFiveLines } from './conclusion.ts';
import { standaloneSvg } from './figures/figure.ts';
import { type ReportContext, type ReportData, reportData } from './report-data.ts';
import { htmlPage } from './report-html.ts';
import { markdownPage } from './report-markdown.ts';
import { type Block, figuresOf, type Page } from './report-model.ts';
import { banners, limits } from './report-notices.ts';
import { reportSections } from './report-sections.ts';
import { csvTables } from './report-tables.ts';
import type { RunRecord } from './run-record.ts';

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
}

/** Pure: the same records and context give the same bytes. Runs that are still going are reported as provisional. */
export function renderReport(records: readonly RunRecord[], context: ReportContext): Report {
  const data = reportData(records, context);
  return { ...renderPage(pageOf(records, data), context.experiment), tables: csvTables(data) };
}

/** A page in both languages, with its figures. */
export function renderPage(page: Page, experiment: string): Omit<Report, 'tables'> {
  return {
    markdown: markdownPage(page),
    html: htmlPage(page),
    figures: Object.fromEntries([...figuresOf(page)].map(([file, f]) => [file, standaloneSvg(f, experiment)])),
  };
}

function pageOf(records: readonly RunRecord[], data: ReportData): Page {
  const { context, comparable, outcomes } = data;
  const { experiment, question } = context;
  return {
    title: experiment,
    lead: [
      ...(question === ''
        ? [{ kind: 'paragraph', content: ['No question was stated.'] } as const]
        : [{ kind: 'lead', label: 'Question', lines: [question] } as const]),
      ...banners(comparable, outcomes).map((text) => ({ kind: 'note', text }) as const),
      { kind: 'lead', label: 'Conclusion', lines: summariseFiveLines(records) },
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
