import type { Command } from 'commander';
import { type Diagnosis, doctor } from '../../index.ts';
import { exitCodes } from '../exit-codes.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { clean } from '../text/clean.ts';
import { columns } from '../text/width.ts';

export function addDoctor(program: Command, session: Session): void {
  withJson(program.command('doctor'))
    .summary('look at what this machine can do')
    .description('Look at what this machine can do, and say how to get what is missing.')
    .addHelpText('after', '\nFails (exit code 1) only when no experiment can run here.\n\nExample:\n  galapagos doctor')
    .action(async (_options, command: Command) => {
      const diagnosis = await doctor();
      if (command.optsWithGlobals<CommonOptions>().json === true) session.printJson(diagnosis);
      else session.print(...lines(session, diagnosis));
      if (!canRun(diagnosis)) session.exitCode = exitCodes.failed;
    });
}

function canRun({ git, sandboxes }: Diagnosis): boolean {
  return git.usable && Object.values(sandboxes).some((s) => s.usable);
}

function lines(session: Session, diagnosis: Diagnosis): string[] {
  const { sandboxes, node, git, ...optional } = diagnosis;
  const row = (name: string, s: { usable: boolean; why: string; fix: string; version?: string | null }) => [
    ` ${s.usable ? session.paint.green(session.glyphs.yes) : session.paint.yellow(session.glyphs.no)} ${name}`,
    s.version ?? '',
    clean(s.why) + (s.usable || s.fix === '' ? '' : `; ${clean(s.fix)}`),
  ];
  const rows = [
    ...Object.entries({ node, git }).map(([name, s]) => row(name, s)),
    ...Object.entries(sandboxes).map(([name, s]) => row(`sandbox ${name}`, s)),
    ...Object.entries(optional).map(([name, s]) => row(`${name} (optional)`, s)),
  ];
  const verdict = canRun(diagnosis)
    ? `Experiments run here: ${session.io.commandName} run packing`
    : 'Experiments cannot run here: git and one usable sandbox are needed.';
  return [...columns(rows), '', verdict];
}
