import type { Command } from 'commander';
import { type ImportOutcome, type ImportProgress, type ImportSource, importResults } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { clean } from '../text/clean.ts';
import { counted } from '../text/numbers.ts';
import { columns } from '../text/width.ts';
import { defaultOut, fromHere } from './places.ts';
import { listenForStop } from './stop-signals.ts';

interface ImportFlags extends CommonOptions {
  readonly out: string;
}

interface SourceCommand {
  readonly source: ImportSource;
  readonly argument: string;
  readonly summary: string;
  readonly description: string;
  readonly example: string;
}

const sources: readonly SourceCommand[] = [
  {
    source: 'hyperspace',
    argument: '<dir>',
    summary: 'import a results tree of the hyperspace project',
    description:
      'Import every run of a results tree: <A>_vs_<B>/seed<N>/<agent>/gen_<k>/, and arm_<x>/seed<N>/gen_<k>/ of its replication.',
    example: 'import hyperspace hyperspace/transfer_experiment/results --out results/runs',
  },
  {
    source: 'adas',
    argument: '<archive.json>',
    summary: 'import an archive of ADAS Meta Agent Search',
    description:
      'Import an archive of ADAS Meta Agent Search: a JSON list of agents with name, thought, code and fitness.',
    example: 'import adas results/mgsm_run_archive.json',
  },
  {
    source: 'openevolve',
    argument: '<checkpoint>',
    summary: 'import a checkpoint of OpenEvolve',
    description:
      'Import a checkpoint of OpenEvolve (metadata.json and programs/), or the newest of a directory of checkpoint_<n>. Islands become lineages.',
    example: 'import openevolve openevolve_output/checkpoints/checkpoint_100',
  },
];

export function addImport(program: Command, session: Session): void {
  const group = program
    .command('import')
    .summary('import results of another system')
    .description(
      'Import results of another system as runs: ls, show, log, diff, blame, report and analyze work on them. What is not there is "not available", never zero; an imported run cannot be resumed.',
    );
  for (const command of sources) addSource(group, session, command);
}

function addSource(
  group: Command,
  session: Session,
  { source, argument, summary, description, example }: SourceCommand,
) {
  withJson(group.command(`${source} ${argument}`))
    .summary(summary)
    .description(description)
    .option('--out <dir>', 'where runs are written', defaultOut)
    .addHelpText(
      'after',
      `
An earlier import of the same name is replaced; a run that was not imported is left alone.

Example:
  ${session.io.commandName} ${example}`,
    )
    .action(async (path: string, _options, command: Command) => {
      const { out, json } = command.optsWithGlobals<ImportFlags>();
      const stop = listenForStop(session.io, () => session.note('stopping; runs imported so far are kept'));
      const progress = showProgress(session);
      let outcome: ImportOutcome;
      try {
        outcome = await importResults(source, path, { out, signal: stop.stopSoon, onProgress: progress.show });
      } finally {
        stop.stopListening();
        progress.end();
      }
      for (const { run, missing } of outcome.runs) {
        for (const { path: at, what } of missing.slice(0, shownMissing))
          session.note(clean(`${run}: ${at === '' ? 'the source' : at}: ${what}`));
        const more = missing.length - shownMissing;
        if (more > 0) session.note(`${run}: ${more} more that are missing; --json lists them`);
      }
      if (json === true) session.printJson(outcome);
      else session.print(...linesOf(session, outcome, out));
    });
}

const shownMissing = 8;

/** One line a run, and on a terminal the rounds as they are written. */
function showProgress({ io }: Session) {
  let last = '';
  return {
    show({ run, index, runs, rounds }: ImportProgress) {
      const place = `importing ${index + 1} of ${runs}: ${run}`;
      if (io.stderr.isTTY) io.stderr.write(`${last === '' || last === run ? '' : '\n'}\r${place}, round ${rounds}`);
      else if (last !== run) io.stderr.write(`${place}\n`);
      last = run;
    },
    end() {
      if (io.stderr.isTTY && last !== '') io.stderr.write('\n');
    },
  };
}

function linesOf({ paint, io }: Session, { runs }: ImportOutcome, out: string): string[] {
  const rows = runs.map(({ run, pairing, seed, lineages, missing }) => [
    run,
    clean(pairing),
    seed === null ? 'no seed' : `seed ${seed}`,
    lineages
      .map(({ id, generations, invalid }) => `${id} ${generations}${invalid === 0 ? '' : ` (${invalid} invalid)`}`)
      .join('  '),
    missing.length === 0 ? '' : `${counted(missing.length, 'thing')} missing`,
  ]);
  const where = fromHere(out);
  return [
    ...columns([['RUN', 'FROM', 'SEED', 'GENERATIONS', ''].map(paint.bold), ...rows]),
    '',
    `Next     ${io.commandName} ls --out ${where}`,
    `         ${io.commandName} analyze ${where}`,
  ];
}
