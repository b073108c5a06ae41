import type { Command } from 'commander';
import { resume } from '../../index.ts';
import { type Session, withJson } from '../session.ts';
import { type ExecuteOptions, execute } from './execute.ts';
import { defaultOut } from './places.ts';

export function addResume(program: Command, session: Session): void {
  withJson(program.command('resume <run>'))
    .summary('continue an unfinished run, or all runs started together')
    .description('Continue a run that was stopped, killed or failed, to the end an undisturbed run would have reached.')
    .option('--out <dir>', `where runs are looked for (default: ${defaultOut})`)
    .option('--nats <url>', 'let the actors talk over this NATS server; spawn starts one for the time being')
    .addHelpText(
      'after',
      `
<run> is a run's id or its directory, or the name of the experiment for all runs
that were started together. A finished run stays as it is.

Examples:
  galapagos resume packing-paired-1
  galapagos resume packing
  galapagos resume /tmp/out/packing-paired-1 --json`,
    )
    .action(async (target: string, _options, command: Command) => {
      const flags = command.optsWithGlobals<ExecuteOptions>();
      await execute(session, flags, (given) => resume(target, given));
    });
}
