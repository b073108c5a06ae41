import { type GalapagosError, LineageCorruptError, StorageFailedError } from '../core/errors.ts';
import { type GitProcess, gitFailure, spawnGit, tailOf } from './git-command.ts';

/** One long-lived `git fast-import`: commands in, one line out for each command that asks for one. */
export interface FastImport {
  readonly pid: number | undefined;
  /**
   * Sends commands of which exactly the last answers, with one line.
   * Answers come in the order of the questions.
   * @throws {StorageFailedError | LineageCorruptError} git died, now or earlier; every question open then fails.
   */
  ask(commands: readonly (string | Uint8Array)[]): Promise<string>;
  /** Ends the stream properly and waits for git to finish, at most 30 s. Idempotent; throws as `ask` does. */
  close(): Promise<void>;
}

interface Question {
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
}

const closeTimeoutMs = 30_000;

export function startFastImport(gitDir: string): FastImport {
  // `--done`: a stream cut short by our own death must not update any ref behind the next process's back.
  const child = spawnGit(gitDir, [
    ...[
      '-c',
      'core.compression=1',
      '-c',
      'pack.compression=1',
      '-c',
      'core.fsync=committed',
      '-c',
      'core.fsyncMethod=batch',
    ],
    ...['fast-import', '--quiet', '--done', '--date-format=raw', '--active-branches=256', '--force'],
  ]);
  const open: Question[] = [];
  let failure: GalapagosError | null = null;
  const fail = (error: GalapagosError) => {
    failure ??= error;
    for (const question of open.splice(0)) question.reject(failure);
  };
  const ended = whenEnded(child);
  void ended.then((why) => fail(why ?? new StorageFailedError('the lineage is closed')));
  eachLine(child, (line) => {
    const question = open.shift();
    if (question !== undefined) return question.resolve(line);
    fail(new LineageCorruptError(`git fast-import said ${JSON.stringify(line)} unasked`));
  });
  let closing: Promise<void> | null = null;
  const close = async () => {
    child.stdin.end('done\n');
    const timer = setTimeout(() => child.kill('SIGKILL'), closeTimeoutMs);
    const why = await ended;
    clearTimeout(timer);
    if (why !== null) throw why;
  };
  return {
    pid: child.pid,
    ask: (commands) =>
      new Promise((resolve, reject) => {
        if (failure !== null) return reject(failure);
        if (closing !== null) return reject(new StorageFailedError('the lineage is closed'));
        open.push({ resolve, reject });
        child.stdin.write(Buffer.concat(commands.map((c) => (typeof c === 'string' ? Buffer.from(c) : c))));
      }),
    close: () => (closing ??= close()),
  };
}

/** Resolves when git is gone: `null` after a proper end, otherwise why not. */
function whenEnded(child: GitProcess): Promise<GalapagosError | null> {
  const stderr = tailOf(child.stderr);
  child.stdin.on('error', () => {}); // broken pipe: 'close' follows and says why
  return new Promise((resolve) => {
    child.on('error', (cause) => resolve(new StorageFailedError('cannot start git fast-import', { cause })));
    child.on('close', (code, signal) => {
      resolve(code === 0 ? null : gitFailure('git fast-import', code ?? signal, stderr()));
    });
  });
}

function eachLine(child: GitProcess, take: (line: string) => void): void {
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('latin1')).split('\n');
    rest = parts.pop()!;
    for (const line of parts) take(line);
  });
}
