import type { OpenSandbox } from '../../sandbox-access.ts';
import type { Checker } from './checkers.ts';
import type { Finding, Stage } from './finding.ts';

type Ended = Awaited<ReturnType<OpenSandbox['exec']>>;

/**
 * What a checker found. It passed only when it says so itself, with its token,
 * after everything else, and then ended well: a candidate that ends the
 * process while it is imported, with whatever status, did not load.
 */
export function readReport(checker: Checker, token: string, ended: Ended, timeoutMs: number): Finding[] {
  const told = ended.stdout
    .split('\n')
    .filter((line) => line.startsWith(`${token}\t`))
    .map((line) => line.split('\t').slice(1));
  const found = told.filter(([kind]) => kind === 'bad').map(findingOf);
  const isDone = told.at(-1)?.[0] === 'done' && ended.stoppedBy === 'exit' && ended.exitCode === 0;
  if (isDone || found.length > 0) return found;
  const [, stage, subject] = told.findLast(([kind]) => kind === 'at') ?? [];
  const message =
    subject === undefined ? notStarted(checker, ended, timeoutMs) : howItEnded(stage!, checker, ended, timeoutMs);
  const path = subject ?? checker.orders[0]![1];
  return [{ stage: (stage as Stage | undefined) ?? 'parse', subject: path, path, line: 0, column: 0, message }];
}

function findingOf(fields: readonly string[]): Finding {
  const [, stage, subject, path, line, column, message] = fields as [string, Stage, ...string[]];
  return {
    ...{ stage, subject: subject!, path: path!, message: message! },
    ...{ line: countOf(line), column: countOf(column) },
  };
}

function countOf(text: string | undefined): number {
  return /^\d{1,9}$/.test(text ?? '') ? Number(text) : 0;
}

function notStarted(checker: Checker, ended: Ended, timeoutMs: number): string {
  const said = ended.stderr.trim().split('\n').at(-1) ?? '';
  const how = howItEnded('start', checker, ended, timeoutMs);
  return `it cannot be looked at: ${how}${said === '' ? '' : `: ${said}`}`;
}

/** What Node ends with when the only thing left to wait for is a promise that nothing will settle. */
const unsettledAwait = 13;

function howItEnded(stage: string, { argv }: Checker, ended: Ended, timeoutMs: number): string {
  const { stoppedBy, exitCode, signal } = ended;
  if (stoppedBy === 'timeout') return `it did not end within ${timeoutMs / 1_000} s`;
  if (stoppedBy !== 'exit') return `it was stopped by its ${stoppedBy} limit`;
  const how = exitCode === null ? signal : `status ${exitCode}`;
  if (stage !== 'import') return `${argv[0]} ended with ${how}`;
  if (argv[0] === 'node' && exitCode === unsettledAwait) return 'a top-level await never settles';
  return `it ended the process with ${how} while it was imported`;
}
