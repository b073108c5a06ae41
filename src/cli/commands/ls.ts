import type { Command } from 'commander';
import { bestGeneration, describeError, listRuns, outcomeOf, type RunRecord, selectionScore } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { clean } from '../text/clean.ts';
import { decimalsFor, formatDuration, formatScore } from '../text/numbers.ts';
import { columns } from '../text/width.ts';
import { hasTimes } from './imported.ts';
import { defaultOut, fromHere } from './places.ts';

interface LsFlags extends CommonOptions {
  readonly out: string;
}

export function addLs(program: Command, session: Session): void {
  withJson(program.command('ls'))
    .summary('list the runs')
    .description('List the runs, oldest first.')
    .option('--out <dir>', 'where runs are looked for', defaultOut)
    .addHelpText('after', '\nExample:\n  galapagos ls --json')
    .action(async (_options, command: Command) => {
      const { out, json } = command.optsWithGlobals<LsFlags>();
      const all = await listRuns(out);
      const readable = all.filter((r): r is RunRecord => !('error' in r));
      // A run that was planned and not yet started has no time; it comes last.
      const isPlanned = (r: RunRecord) => Number(r.startedAtMs === 0);
      const runs = readable.sort((a, b) => isPlanned(a) - isPlanned(b));
      const unreadable = all.flatMap((r) => ('error' in r ? [{ dir: r.dir, error: describeError(r.error) }] : []));
      if (json === true) return session.printJson({ out, runs: runs.map(runEntry), unreadable });
      if (all.length === 0) session.print(`No runs in ${out}. Start one: ${session.io.commandName} run packing`);
      else session.print(...table(session, runs));
      for (const { dir, error } of unreadable) session.note(`cannot be read: ${fromHere(dir)}: ${clean(error)}`);
    });
}

/** A run as `run --json` shows it, and when it was. */
function runEntry(record: RunRecord) {
  const { experiment, startedAtMs, wallMs, reason } = record;
  const times = hasTimes(record) ? { startedAtMs, wallMs } : { startedAtMs: null, wallMs: null };
  return { experiment, ...outcomeOf(experiment, [record], null).runs[0]!, reason, ...times };
}

function table({ paint, glyphs }: Session, runs: readonly RunRecord[]): string[] {
  const marks = {
    done: paint.green(glyphs.yes),
    running: paint.blue(glyphs.running),
    stopped: paint.yellow('-'),
    failed: paint.red(glyphs.no),
  };
  const rows = runs.map((r) => [
    `${marks[r.status]} ${r.status}`,
    r.run,
    hasTimes(r) ? formatDuration(r.wallMs) : 'not available',
    r.lineages.map((l) => bestOf(l.id, l.generations)).join('  '),
  ]);
  return columns([['  STATUS', 'RUN', 'TIME', 'BEST'].map(paint.bold), ...rows]);
}

function bestOf(id: string, generations: RunRecord['lineages'][number]['generations']): string {
  const best = bestGeneration(generations);
  if (best === null) return `${id} –`;
  return `${id} ${formatScore(selectionScore(best), decimalsFor(generations.map(selectionScore)))} (g${best.generation})`;
}
