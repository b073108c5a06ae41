import type { Command } from 'commander';
import { compare } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { cleanLines } from '../text/clean.ts';
import { defaultOut, fromHere } from './places.ts';
import { describeUnreadable, noteUnreadable } from './report.ts';

interface CompareFlags extends CommonOptions {
  readonly out: string;
  readonly to?: string;
}

export function addCompare(program: Command, session: Session): void {
  withJson(program.command('compare <run...>'))
    .summary('set runs, groups or folders side by side')
    .description(
      'Set runs, groups or folders of runs beside the first one: what differs, gains side by side, differences paired by seed, and what cannot be compared and why.',
    )
    .option('--to <dir>', 'write comparison.html, comparison.md, figures and tables there')
    .option('--out <dir>', 'where runs are looked for', defaultOut)
    .addHelpText(
      'after',
      `
<run> is a run, the name of an experiment for all runs that were started
together, or a folder of runs; a single folder is taken apart into its groups.

Examples:
  galapagos compare packing packing-r2
  galapagos compare results/runs --to /tmp/compared --json`,
    )
    .action(async (runs: string[], _options, command: Command) => {
      const { out, to, json } = command.optsWithGlobals<CompareFlags>();
      const { document, markdown, report, html, unreadable } = await compare(runs, {
        out,
        ...(to === undefined ? {} : { to }),
      });
      if (json === true)
        session.printJson({ ...document, report, html, unreadable: unreadable.map(describeUnreadable) });
      else if (report === null || html === null) session.print(cleanLines(withoutFigures(markdown)));
      else session.print(`Page     ${fromHere(html)}`, `Report   ${fromHere(report)}`);
      noteUnreadable(session, unreadable);
    });
}

/** On a terminal there is no file to point to. */
function withoutFigures(markdown: string): string {
  return markdown.replace(/^!\[.*\n\n.*\n\n/gm, '').replace(/ Also in \[[^\n]*/g, '');
}
