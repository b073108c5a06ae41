import type { Command } from 'commander';
import { describeError, plan, type RunOptions, run } from '../../index.ts';
import { type Session, withJson } from '../session.ts';
import { type ExecuteOptions, execute } from './execute.ts';
import { armList, positiveCount, seedList, setting } from './options.ts';
import { defaultOut, shellWord, withoutCredentials } from './places.ts';
import { planLines } from './plan-lines.ts';

interface RunFlags extends ExecuteOptions {
  readonly seed?: readonly number[];
  readonly arm?: readonly string[];
  readonly set?: readonly string[];
  readonly sandbox?: string;
  readonly parallel?: number;
  readonly dryRun?: boolean;
  readonly skipWithoutSandbox?: boolean;
}

export function addRun(program: Command, session: Session): void {
  withJson(program.command('run <experiment>'))
    .summary('run an experiment and report')
    .description('Run an experiment: every arm and seed as a run of its own, and a report.')
    .option('--seed <n>', 'run only this seed; repeat it or separate by commas', seedList)
    .option('--arm <name>', 'run only this arm; repeat it or separate by commas', armList)
    .option('--set <path=value>', 'change one value of the experiment; repeatable', setting)
    .option('--out <dir>', `where runs are written (default: ${defaultOut})`)
    .option('--sandbox <provider>', 'docker, bubblewrap, process, auto, or a module')
    .option('--nats <url>', 'let the actors talk over this NATS server; spawn starts one for the time being')
    .option('--parallel <n>', 'runs at one time (default: one per core)', positiveCount)
    .option('--skip-without-sandbox', 'where its sandbox does not work here, say why and end well')
    .option('--dry-run', 'say what it would do and cost at most, and do nothing')
    .addHelpText(
      'after',
      `
<experiment> is a name (packing), a directory, or a .yaml file.

Examples:
  galapagos run packing
  galapagos run packing --seed 11 --arm paired,solo --set budget.generations=6
  galapagos run ./my-experiment --dry-run`,
    )
    .action(async (experiment: string, _options, command: Command) => {
      const flags = command.optsWithGlobals<RunFlags>();
      const options = runOptions(session, flags);
      if (flags.dryRun === true) await dryRun(session, experiment, options, flags.json === true);
      else
        await execute(session, flags, (given) => run(experiment, { ...options, ...given })).catch(
          unless(session, experiment, flags),
        );
    });
}

/** Passes over an experiment that has no sandbox to run in, where that was asked for. Nothing else is passed over. */
function unless(session: Session, experiment: string, { skipWithoutSandbox }: RunFlags) {
  return (error: unknown): void => {
    const isMissing = (error as { code?: unknown }).code === 'SANDBOX_UNAVAILABLE';
    if (skipWithoutSandbox !== true || !isMissing) throw error;
    session.print(`${experiment} skipped: ${describeError(error)}`);
  };
}

function runOptions({ io, argv }: Session, { seed, arm, set, sandbox, parallel }: RunFlags): RunOptions {
  return {
    secret: (name) => io.env[name],
    command: ['galapagos', ...argv].map((word) => shellWord(withoutCredentials(word))).join(' '),
    ...(seed === undefined ? {} : { seeds: seed }),
    ...(arm === undefined ? {} : { arms: arm }),
    ...(set === undefined ? {} : { set }),
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(parallel === undefined ? {} : { parallel }),
  };
}

async function dryRun(session: Session, experiment: string, options: RunOptions, isJson: boolean): Promise<void> {
  const planned = await plan(experiment, options);
  if (isJson) session.printJson(planned);
  else session.print(...planLines(planned));
}
