import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { describeError, type ReportOutcome, report, type WrittenReport } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { clean } from '../text/clean.ts';
import { counted } from '../text/numbers.ts';
import { defaultOut, fromHere } from './places.ts';

interface ReportFlags extends CommonOptions {
  readonly out: string;
  readonly to?: string;
  readonly threshold?: readonly number[];
}

export function addReport(program: Command, session: Session): void {
  withJson(program.command('report <run...>'))
    .summary('write the report of runs: page, figures, tables')
    .description(
      'Write the report of runs, groups or folders of runs, wherever they lie, finished or not: report.html, report.md, figures as SVG, tables as CSV.',
    )
    .option('--to <dir>', 'where to (default: report/ in the run, group or folder)')
    .option(
      '--threshold <score>',
      "time to this score instead of the experiment's own; repeat or separate by commas",
      scores,
    )
    .option('--out <dir>', 'where runs are looked for', defaultOut)
    .addHelpText(
      'after',
      `
<run> is a run, the name of an experiment for all runs that were started
together, or a folder of runs; each experiment gets a report of its own.

Examples:
  galapagos report packing
  galapagos report packing-paired-1 --to /tmp/one-run
  galapagos report results/runs --threshold 2.5,2.6 --json`,
    )
    .action(async (runs: string[], _options, command: Command) => {
      const { out, to, threshold, json } = command.optsWithGlobals<ReportFlags>();
      const outcome = await report(runs, {
        out,
        ...(to === undefined ? {} : { to }),
        ...(threshold === undefined ? {} : { thresholds: threshold }),
      });
      if (json === true) session.printJson(documentOf(outcome));
      else session.print(...outcome.reports.flatMap(reportLines));
      noteUnreadable(session, outcome.unreadable);
    });
}

export function noteUnreadable(session: Session, unreadable: ReportOutcome['unreadable']): void {
  for (const { dir, error } of unreadable) {
    session.note(`left out, cannot be read: ${fromHere(dir)}: ${clean(describeError(error))}`);
  }
}

export function describeUnreadable({ dir, error }: ReportOutcome['unreadable'][number]) {
  return { dir, error: describeError(error) };
}

function documentOf({ reports, unreadable }: ReportOutcome): unknown {
  return { reports, unreadable: unreadable.map(describeUnreadable) };
}

function reportLines({ conclusion, status, runs, html, report: markdown, figures, tables }: WrittenReport): string[] {
  const unfinished = runs.filter((r) => r.status !== 'done').length;
  return [
    ...conclusion.map(clean),
    ...(status === 'done' ? [] : [`Provisional: ${counted(unfinished, 'run')} not finished.`]),
    '',
    `Page     ${fromHere(html)}`,
    `Report   ${fromHere(markdown)}`,
    `         and ${counted(figures.length, 'figure')}, ${counted(tables.length, 'table')} beside it`,
  ];
}

function scores(text: string, before: readonly number[] = []): readonly number[] {
  const values = text.split(',').map((part) => Number(part));
  if (text.trim() === '' || !values.every(Number.isFinite))
    throw new InvalidArgumentError('Expected scores, such as 2.5 or 2.5,2.6.');
  return [...before, ...values];
}
