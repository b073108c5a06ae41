import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { commitOf } from '../../actors/archivist/create-archivist.ts';
import { noteOf } from '../../actors/archivist/note.ts';
import { LineageCorruptError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Generation } from '../core/records.ts';
import { runGit } from '../lineage/git-command.ts';
import type { Lineage } from '../lineage/lineage.ts';
import { scanJournal } from './journal.ts';
import { type RunManifest, runPaths } from './run-directory.ts';
import { RunState } from './run-state.ts';

export interface RestoreOptions {
  /** Of the run. */
  readonly dir: string;
  readonly manifest: RunManifest;
  /** Whether there was a repository before it was opened, which makes one where there is none. */
  readonly wasThere: boolean;
  readonly secondsOf: (state: RunState, round: number) => number;
  readonly log: Logger;
}

/** Whether a run has a repository. */
export function hasRepository(dir: string): boolean {
  return existsSync(join(runPaths(dir).lineage, '.git'));
}

/**
 * Writes again what the journal knows and the repository has lost; the hashes come out the same. After a crash that is
 * what came since the last checkpoint. Where the repository was removed, or lacks what was checkpointed, it is
 * everything, and a warning says so.
 * @throws {LineageCorruptError} when weights have gone with it: the journal does not hold them.
 */
export async function restoreRepository(lineage: Lineage, state: RunState, options: RestoreOptions): Promise<void> {
  const { dir, manifest, wasThere, secondsOf, log } = options;
  const paths = runPaths(dir);
  if (wasThere && (await holds(paths.lineage, state.checkpointed))) {
    await writeAgain(lineage, state, secondsOf);
    return;
  }
  const whole = new RunState(manifest, { isEverythingUnsafe: true });
  await scanJournal(paths.journal, (fact) => whole.apply(fact));
  const commits = await writeAgain(lineage, whole, secondsOf).catch((cause: unknown) => {
    if (!(cause instanceof LineageCorruptError)) throw cause;
    const message = `${paths.lineage} was lost and cannot be written again from the journal: ${cause.message}`;
    const next = `restore ${paths.lineage} from a copy, or begin the run again`;
    throw new LineageCorruptError(message, { cause, details: { next } });
  });
  if (commits === 0) return;
  await lineage.checkpoint();
  const what = `${paths.lineage} was ${wasThere ? 'incomplete' : 'missing'}: written again from the journal`;
  log.warn({ run: manifest.run, commits }, what);
}

/** Whether the repository has these generations; what came before them came with them. */
async function holds(repository: string, generations: readonly Generation[]): Promise<boolean> {
  if (generations.length === 0) return true;
  const names = generations.map((g) => `refs/attempts/${g.lineage}/${g.generation}\n`);
  const args = ['cat-file', '--batch-check=%(objectname)'];
  const found = (await runGit({ cwd: repository, args, input: names.join('') })).toString().split('\n');
  return generations.every(({ commit }, i) => found[i] === commit);
}

/** @returns how many commits the repository has been given, those that it had included. */
async function writeAgain(lineage: Lineage, state: RunState, secondsOf: RestoreOptions['secondsOf']): Promise<number> {
  const order = [...state.lineages.keys()];
  let commits = 0;
  for (const { round, records, generations, isClosed } of state.unsafeRounds) {
    const seconds = secondsOf(state, round);
    for (const record of records) await lineage.commit(commitOf(record, seconds));
    commits += records.length;
    if (!isClosed) continue;
    const sorted = [...generations].sort((a, b) => order.indexOf(a.lineage) - order.indexOf(b.lineage));
    await lineage.annotate(
      sorted.map((g) => ({ commit: g.commit, note: noteOf(g) })),
      seconds,
    );
  }
  return commits;
}
