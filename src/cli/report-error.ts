import { describeError, type ErrorCode, GalapagosError } from '../index.ts';
import { cleanLines } from './text/clean.ts';

/** What to do next, where the message alone does not say it. `COMMAND` stands for how this program is started. */
const nextSteps: Partial<Readonly<Record<ErrorCode, string>>> = {
  BUDGET_EXHAUSTED: 'raise the budget in the experiment, or with --set budget.tokens=…',
  BUS_UNAVAILABLE: 'start the NATS server (nats-server -js), or leave --nats out; then resume the run',
  CASSETTE_MISSING: 'record it first: mode: record in the experiment',
  CONFIG_INVALID: 'correct the experiment; COMMAND schema prints everything it may hold',
  JOURNAL_CORRUPT: 'restore journal.jsonl from a copy; what comes after the named line cannot be trusted',
  LINEAGE_CORRUPT: 'COMMAND resume <run> writes again what the journal knows',
  MODEL_FAILED: "check the model's name, address and key in the experiment; then resume the run",
  MODEL_UNAVAILABLE: 'check that the model can be reached; then resume the run',
  PLUGIN_INVALID: 'correct the module that the experiment names',
  PREREQUISITE_MISSING: 'COMMAND doctor shows what this machine has',
  RUN_FORMAT: 'use the version of galapagos that wrote the run',
  RUN_NOT_FOUND: 'COMMAND ls lists the runs; --out <dir> looks elsewhere',
  SANDBOX_UNAVAILABLE: 'COMMAND doctor shows which sandboxes work here',
  STORAGE_FAILED: 'free some space, or name a directory that can be written with --out',
};

/** For a file with a damaged line, which the message names. */
const damagedFile = 'restore the file from a copy; what comes after the named line cannot be trusted';

export interface ErrorReport {
  readonly isVerbose: boolean;
  readonly commandName: string;
}

/** An error for people: what was wrong and where, and what to do next. The stack only on request. */
export function reportError(error: unknown, { isVerbose, commandName }: ErrorReport): string {
  const lines = [`error: ${cleanLines(describeError(error))}`];
  if (error instanceof GalapagosError) {
    const { line, next = line === undefined ? nextSteps[error.code] : damagedFile } = error.details;
    if (typeof next === 'string') lines.push(`next: ${cleanLines(next.replaceAll('COMMAND', commandName))}`);
  } else if (!isSystemError(error)) {
    lines.push('next: this is a defect of galapagos; --verbose shows where it happened');
  }
  if (isVerbose && error instanceof Error) lines.push(cleanLines(stacksOf(error)));
  return `${lines.join('\n')}\n`;
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}

function stacksOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stacksOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
