import { join } from 'node:path';
import { type Report, type ReportContext, renderReport } from '../../analysis/report.ts';
import { reportRecord } from '../../analysis/report-records.ts';
import type { RunRecord } from '../../analysis/run-record.ts';
import { writeFiles } from './write-files.ts';

/** Writes report.md, report.html, figures as SVG and tables as CSV into `dir`: what ends a run and what `report` writes. */
export function writeReportFiles(dir: string, context: ReportContext, records: readonly RunRecord[]): Report {
  const report = renderReport(records.map(reportRecord), context);
  const { markdown, html, figures, tables } = report;
  writeFiles(dir, { ...figures, ...tables, 'report.html': html, 'report.md': markdown });
  return report;
}

export const reportPaths = (dir: string) => ({ report: join(dir, 'report.md'), html: join(dir, 'report.html') });
