import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAnalyze } from './commands/analyze.ts';
import { addBlame } from './commands/blame.ts';
import { addClean } from './commands/clean.ts';
import { addCompare } from './commands/compare.ts';
import { addDiff } from './commands/diff.ts';
import { addDoctor } from './commands/doctor.ts';
import { addImport } from './commands/import.ts';
import { addLog } from './commands/log.ts';
import { addLs } from './commands/ls.ts';
import { addMarks } from './commands/marks.ts';
import { addPlan } from './commands/plan.ts';
import { addReport } from './commands/report.ts';
import { addResume } from './commands/resume.ts';
import { addRun } from './commands/run.ts';
import { addSandbox } from './commands/sandbox.ts';
import { addSchema } from './commands/schema.ts';
import { addShow } from './commands/show.ts';
import { addWeightsLoop } from './commands/weights-loop.ts';
import type { Session } from './session.ts';

/** Every command; each file in `commands/` adds one. */
const commands = [
  addRun,
  addPlan,
  addResume,
  addLs,
  addShow,
  addLog,
  addMarks,
  addDiff,
  addBlame,
  addReport,
  addCompare,
  addImport,
  addAnalyze,
  addDoctor,
  addSandbox,
  addWeightsLoop,
  addClean,
  addSchema,
];

export function createProgram(session: Session): Command {
  const { io } = session;
  const program = new Command('galapagos')
    .description(
      'Run experiments in which agents evolve their own code, and read what happened, generation by generation.',
    )
    .version(packageVersion(), '-V, --version')
    .option('-v, --verbose', 'log what happens on standard error, and show the stack of an error')
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)')
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns,
      getErrHelpWidth: () => io.stderr.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText(
      'after',
      `
Examples:
  galapagos run packing                 run an experiment: every arm, every seed, and a report
  galapagos log packing-paired-1        its phylogeny: what was tried, kept, refused, adopted
  galapagos doctor                      what this machine can do

Exit codes: 0 done, 1 failed, 2 usage, 3 invalid configuration, 4 refused by policy, 130 interrupted.`,
    );
  for (const add of commands) add(program, session);
  return program;
}

/** The version in the manifest of the package this module belongs to. */
function packageVersion(): string {
  for (let dir = new URL('.', import.meta.url); ; dir = new URL('..', dir)) {
    try {
      return (JSON.parse(readFileSync(new URL('package.json', dir), 'utf8')) as { version: string }).version;
    } catch (error) {
      if (new URL('..', dir).href === dir.href) throw error;
    }
  }
}
