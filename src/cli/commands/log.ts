import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { locateTarget, readGraph } from '../../index.ts';
import { dotGraph } from '../log/dot.ts';
import { logRows } from '../log/log-rows.ts';
import { drawPhylogeny } from '../log/phylogeny.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { counted } from '../text/numbers.ts';
import { wantsColor } from '../text/paint.ts';
import { crop } from '../text/width.ts';
import { positiveCount } from './options.ts';
import { defaultOut } from './places.ts';

interface LogFlags extends CommonOptions {
  readonly out: string;
  readonly lineage?: string;
  readonly verdict?: string;
  readonly since?: number;
  readonly limit?: number;
  readonly graph?: boolean;
  readonly dot?: boolean;
}

/** Generations that are drawn where nobody says how many. */
const drawnByDefault = 200;

const verdicts = ['seed', 'promoted', 'archived', 'refused', 'failed'];

export function addLog(program: Command, session: Session): void {
  withJson(program.command('log <run>'))
    .summary('show the phylogeny of a run')
    .description('Show the phylogeny of a run: what was tried, kept, refused, and taken from whom. Newest first.')
    .option('--lineage <id>', 'only this lineage')
    .addOption(new Option('--verdict <verdict>', 'only generations with this verdict').choices(verdicts))
    .option('--since <round>', 'only from this round on', roundNumber)
    .option(
      '--limit <count>',
      `at most so many generations, the newest, or "all" (default: ${drawnByDefault} drawn, all as JSON)`,
      limitOf,
    )
    .addOption(
      new Option('--graph', "git's own graph of the run's repository instead").conflicts([
        'since',
        'lineage',
        'verdict',
      ]),
    )
    .addOption(new Option('--dot', 'a graph for Graphviz instead').conflicts(['json', 'graph']))
    .option('--out <dir>', 'where runs are looked for', defaultOut)
    .addHelpText(
      'after',
      `
● promoted  ○ archived  ✕ refused  ⊘ failed, no score  ◎ adopted code from a peer

Examples:
  galapagos log packing-paired-1
  galapagos log packing-paired-1 --lineage numeric --verdict promoted --json
  galapagos log packing-paired-1 --dot | dot -Tsvg > phylogeny.svg`,
    )
    .action(async (run: string, _options, command: Command) => showLog(session, run, command.optsWithGlobals()));
}

async function showLog(session: Session, run: string, flags: LogFlags): Promise<void> {
  const { io, paint, glyphs } = session;
  const path = flags.lineage === undefined ? run : `${run.replace(/\/+$/, '')}/${flags.lineage}`;
  const { record, lineage } = await locateTarget(path, flags.out);
  const limit = flags.limit ?? (flags.json === true ? Number.POSITIVE_INFINITY : drawnByDefault);
  if (flags.graph === true) {
    const color = flags.json !== true && wantsColor(io.stdout, io.env);
    const graph = await readGraph(record, { color, ...(Number.isFinite(limit) ? { max: limit } : {}) });
    if (flags.json === true) session.printJson({ run: record.run, graph });
    else io.stdout.write(graph);
    return;
  }
  const matching = logRows(record).filter(
    (row) =>
      (lineage === null || row.lineage === lineage) &&
      (flags.verdict === undefined || row.verdict === flags.verdict) &&
      (flags.since === undefined || row.round >= flags.since),
  );
  const rows = matching.slice(0, limit);
  if (flags.json === true) return session.printJson({ run: record.run, status: record.status, generations: rows });
  if (rows.length === 0) return session.note(`${record.run} has no such generation yet`);
  const present = new Set(rows.map((row) => row.lineage));
  const shown = record.lineages.map((l) => l.id).filter((id) => present.has(id));
  if (flags.dot === true) session.print(...dotGraph(record.run, rows, shown));
  else {
    const lines = drawPhylogeny(rows, shown, { glyphs, paint });
    session.print(...(io.stdout.isTTY ? lines.map((line) => crop(line, io.stdout.columns)) : lines));
  }
  const older = matching.length - rows.length;
  if (older > 0) session.note(`${counted(older, 'older generation')} not shown; --limit all shows them`);
}

function roundNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Expected the number of a round, such as 40.');
  return Number(text);
}

function limitOf(text: string): number {
  return text === 'all' ? Number.POSITIVE_INFINITY : positiveCount(text);
}
