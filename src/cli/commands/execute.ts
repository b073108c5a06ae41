import { dirname, join } from 'node:path';
import {
  describeError,
  type ExperimentOutcome,
  type ProgressEvent,
  type RunRecord,
  readRun,
  type SessionOptions,
  summariseFiveLines,
} from '../../index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { showProgress } from '../progress/show-progress.ts';
import type { CommonOptions, Session } from '../session.ts';
import { clean } from '../text/clean.ts';
import { fromHere, nameOfRun, shellWord, withoutCredentials } from './places.ts';
import { listenForStop } from './stop-signals.ts';

export interface ExecuteOptions extends CommonOptions {
  readonly out?: string;
  readonly nats?: string;
}

type RunEnd = Extract<ProgressEvent, { type: 'run.ended' }>;

/**
 * Runs or resumes with progress on standard error, stops when asked to, and
 * prints what came of it. The exit code is left in the session.
 */
export async function execute(
  session: Session,
  options: ExecuteOptions,
  start: (options: SessionOptions) => Promise<ExperimentOutcome>,
): Promise<void> {
  const { io } = session;
  const progress = showProgress(session, { isLive: options.json !== true && options.verbose !== true });
  const active = new Set<string>();
  const ends = new Map<string, RunEnd>();
  const stop = listenForStop(io, (step) => progress.note(stopMessage(session, options, step, active)));
  const onProgress = (event: ProgressEvent) => {
    if (event.type === 'run.started') active.add(event.run);
    else if (event.type === 'run.ended') {
      active.delete(event.run);
      ends.set(event.run, event);
    }
    progress.show(event);
  };
  let outcome: ExperimentOutcome;
  try {
    outcome = await start({
      ...(options.out === undefined ? {} : { out: options.out }),
      ...(options.nats === undefined ? {} : { nats: options.nats }),
      // A log line would tear the picture apart; what fails is shown when its run ends.
      logLevel: options.verbose === true ? 'debug' : progress.isLive ? 'fatal' : 'warn',
      secret: (name) => io.env[name],
      onProgress,
      signal: stop.signal,
      stopSoon: stop.stopSoon,
    });
  } finally {
    stop.stopListening();
    progress.end();
  }
  if (options.json === true) session.printJson(outcome);
  else await printOutcome(session, outcome);
  for (const line of unfinishedLines(session, options, outcome, ends)) session.note(line);
  session.exitCode = exitCodeFor(outcome, stop.stopSoon.aborted);
}

function exitCodeFor({ status }: ExperimentOutcome, isInterrupted: boolean): ExitCode {
  if (status === 'done') return exitCodes.done;
  return isInterrupted ? exitCodes.interrupted : exitCodes.failed;
}

async function printOutcome(session: Session, outcome: ExperimentOutcome): Promise<void> {
  const records: RunRecord[] = await Promise.all(outcome.runs.map(({ dir }) => readRun(dir)));
  session.print(...summariseFiveLines(records), '');
  if (outcome.report !== null) session.print(`Report   ${fromHere(outcome.report)}`);
  const first = outcome.runs[0];
  if (first === undefined) return;
  const name = nameOfRun(first.run, first.dir);
  const galapagos = session.io.commandName;
  session.print(
    `History  git -C ${shellWord(fromHere(join(first.dir, 'lineage')))} log --graph --oneline --glob=refs/attempts`,
    `Next     ${galapagos} log ${name}`,
    `         ${galapagos} show ${name}`,
  );
}

/** A line for each run that has not reached its end, and the command that continues it, or all of them. */
function unfinishedLines(
  session: Session,
  options: ExecuteOptions,
  { runs, report }: ExperimentOutcome,
  ends: ReadonlyMap<string, RunEnd>,
): string[] {
  const unfinished = runs.filter(({ status }) => status !== 'done');
  const isGroup = unfinished.length > 1 && report !== null;
  const lines = unfinished.map(({ run, dir, status }) => {
    const end = ends.get(run);
    // A run that was told to stop at once broke off; that is no failure of its own.
    const isFailed = (end?.status ?? status) === 'failed';
    const why = !isFailed || end?.error == null ? '' : ` (${clean(describeError(end.error))})`;
    const state = isFailed ? `failed${why}` : 'is unfinished';
    return isGroup
      ? `${run} ${state}`
      : `${run} ${state}; continue it with: ${resumeCommand(session, options, nameOfRun(run, dir))}`;
  });
  if (!isGroup) return lines;
  // The report lies in the group's own directory.
  const group = shellWord(fromHere(dirname(dirname(report))));
  return [...lines, `continue them with: ${resumeCommand(session, options, group)}`];
}

function resumeCommand({ io }: Session, { nats }: ExecuteOptions, name: string): string {
  return `${io.commandName} resume ${name}${nats === undefined ? '' : ` --nats ${shellWord(withoutCredentials(nats))}`}`;
}

function stopMessage(
  session: Session,
  options: ExecuteOptions,
  step: 'soon' | 'now',
  active: ReadonlySet<string>,
): string {
  if (step === 'now') return 'stopping at once';
  const [run] = active;
  const name = run === undefined ? '<run>' : nameUnderWay(options, run);
  return `stopping at the end of the round; Ctrl-C again stops at once; resume with ${resumeCommand(session, options, name)}`;
}

function nameUnderWay({ out }: ExecuteOptions, run: string): string {
  return out === undefined ? run : shellWord(join(out, run));
}
