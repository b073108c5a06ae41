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

function canRun({ git, auto, memory }: Diagnosis): boolean {
  return git.usable && auto !== null && memory.sandboxes > 0;
}

const nameWidth = 'bubblewrap'.length;

interface Finding {
  readonly usable: boolean;
  readonly why: string;
  readonly fix: string;
  readonly version?: string | null;
}

function lines(session: Session, diagnosis: Diagnosis): string[] {
  const { node, git, sandboxes, auto, limits, memory, disk, nats, python, gpu, embedded } = diagnosis;
  const { paint, glyphs } = session;
  const rows = (findings: Readonly<Record<string, Finding>>) =>
    Object.entries(findings).flatMap(([name, { usable, version = null, why, fix }]) => [
      [
        ` ${usable ? paint.green(glyphs.yes) : paint.yellow(glyphs.no)} ${name.padEnd(nameWidth)}`,
        version === null || why.includes(version) ? clean(why) : `${version}, ${clean(why)}`,
      ],
      ...(usable || fix === '' ? [] : [['', `to fix it: ${clean(fix)}`]]),
    ]);
  const verdict = canRun(diagnosis)
    ? `Experiments run here: ${session.io.commandName} run packing`
    : 'Experiments cannot run here: git, one usable sandbox and memory for it are needed.';
  const sections = {
    Needed: { node, git },
    [`Sandboxes (one is needed; auto takes ${auto ?? 'none of them'})`]: sandboxes,
    'Room and limits': { memory, disk, limits },
    Optional: { python, nats, gpu, embedded },
  };
  return [
    ...Object.entries(sections).flatMap(([title, findings]) => [paint.bold(title), ...columns(rows(findings))]),
    '',
    verdict,
  ];
}
