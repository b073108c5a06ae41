import type { Command } from 'commander';
import { type Cleaning, type CleanOptions, clean } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { clean as cleaned } from '../text/clean.ts';
import { counted } from '../text/numbers.ts';
import { columns } from '../text/width.ts';

interface CleanFlags extends CommonOptions, CleanOptions {}

export function addClean(program: Command, session: Session): void {
  withJson(program.command('clean'))
    .summary('remove what killed runs left behind')
    .description(
      'Remove what killed runs left of their sandboxes: containers, control groups, scratch directories, sockets. What belongs to a living process stays, and so does every result.',
    )
    .option('--run <id>', 'only what this run left')
    .option('--dry-run', 'say what there is and remove nothing')
    .addHelpText('after', '\nExamples:\n  galapagos clean --dry-run\n  galapagos clean --run packing-paired-1')
    .action(async (_options, command: Command) => {
      const { json, run, dryRun } = command.optsWithGlobals<CleanFlags>();
      const cleaning = await clean({ ...(run === undefined ? {} : { run }), dryRun: dryRun === true });
      if (json === true) session.printJson(cleaning);
      else session.print(...lines(cleaning));
      for (const [name, why] of Object.entries(cleaning.notAsked))
        session.note(`${name} was not asked: ${cleaned(why)}`);
    });
}

function lines({ leftBehind, isRemoved }: Cleaning): string[] {
  const found = Object.entries(leftBehind).flatMap(([maker, kinds]) =>
    Object.entries(kinds).flatMap(([kind, count]) => (count > 0 ? [{ maker, kind, count }] : [])),
  );
  if (found.length === 0) return ['Nothing was left behind.'];
  const total = counted(
    found.reduce((sum, { count }) => sum + count, 0),
    'thing',
  );
  const rows = found.map(({ maker, kind, count }) => [`  ${count}`, maker, kind]);
  const title = isRemoved ? `Removed ${total} that killed runs left behind:` : `Killed runs left ${total} behind:`;
  return [title, ...columns(rows)];
}
