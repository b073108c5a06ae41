import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'vitest';
import { randomStream } from '../../src/core/random.ts';
import type { Generation } from '../../src/core/records.ts';
import { factsOf, repository, runCli, startCli } from '../support/example-run.ts';

/** The experiment that is killed: packing, small, in plain processes; its model is the mutator. */
const experiment = [
  join(repository, 'experiments', 'packing'),
  ...['--seed', '11', '--arm', 'paired', '--sandbox', 'process', '--json'],
  ...['--set', 'budget.generations=3', '--set', 'items.test=1', '--set', 'items.selection=1'],
];

const sets = (settings: readonly string[]) => settings.flatMap((setting) => ['--set', setting]);

/** What must come out the same whatever happened on the way. */
export function resultOf(dir: string): { readonly refs: string; readonly generations: readonly Generation[] } {
  const git = (...args: string[]) => execFileSync('git', ['-C', join(dir, 'lineage'), ...args], { encoding: 'utf8' });
  git('fsck', '--strict', '--no-dangling');
  const generations = factsOf(dir)
    .filter((fact) => fact.type === 'lineage.finished')
    .map((fact) => (fact.body as { generation: Generation }).generation)
    .sort((a, b) => (a.lineage < b.lineage ? -1 : a.lineage > b.lineage ? 1 : a.generation - b.generation))
    .map((g) => ({ ...g, train: untimed(g.train), selection: untimed(g.selection) }));
  return { refs: git('for-each-ref', '--format=%(refname) %(objectname)'), generations };
}

function untimed(evaluation: Generation['train']): Generation['train'] {
  if (evaluation === null) return null;
  return { ...evaluation, items: evaluation.items.map((item) => ({ ...item, wallMs: 0 })) };
}

/**
 * Runs the experiment without disturbance.
 * @param settings - More of it, as `--set` takes it.
 * @returns its directory and duration in milliseconds.
 */
export async function undisturbed(
  out: string,
  settings: readonly string[] = [],
): Promise<{ readonly dir: string; readonly wallMs: number; readonly journalBytes: number }> {
  const before = performance.now();
  const end = await runCli(['run', ...experiment, ...sets(settings), '--out', out]);
  expect(end.code, end.stderr).toBe(0);
  const dir = join(out, 'packing-paired-11');
  return { dir, wallMs: performance.now() - before, journalBytes: statSync(join(dir, 'journal.jsonl')).size };
}

/**
 * Starts the run, kills it with SIGKILL when its journal has grown past a
 * random point, resumes it, and maybe kills the resumed one too.
 * @returns the run's directory once it is done.
 */
export async function killedAndResumed(
  out: string,
  seed: number,
  journalBytes: number,
  settings: readonly string[] = [],
): Promise<string> {
  const random = randomStream(seed, 'kill');
  const dir = join(out, 'packing-paired-11');
  const kills = 1 + random.int(2);
  let end = null;
  for (let attempt = 0; attempt <= kills; attempt += 1) {
    const args = existsSync(join(dir, 'config.json'))
      ? ['resume', dir, '--json']
      : ['run', ...experiment, ...sets(settings), '--out', out];
    const child = startCli(args);
    if (attempt < kills) await killAt(child, join(dir, 'journal.jsonl'), random.next() * journalBytes, random.int(30));
    end = await child.ended;
    if (end.signal === null) break;
  }
  expect(end?.code, `seed ${seed}: ${end?.stderr}`).toBe(0);
  return dir;
}

async function killAt(
  child: ReturnType<typeof startCli>,
  journal: string,
  bytes: number,
  extraMs: number,
): Promise<void> {
  let isOver = false;
  void child.ended.then(() => (isOver = true));
  while (!isOver && (statSync(journal, { throwIfNoEntry: false })?.size ?? 0) < bytes) await wait(2);
  await wait(extraMs);
  child.kill('SIGKILL');
}
