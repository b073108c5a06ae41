import type { Command } from 'commander';
import { Option } from 'commander';
import { locateTarget, readGraph } from '../../index.ts';
import { logRows } from '../log/log-rows.ts';
import { drawPhylogeny } from '../log/phylogeny.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { wantsColor } from '../text/paint.ts';
import { crop } from '../text/width.ts';
import { defaultOut } from './places.ts';

interface LogFlags extends CommonOptions {
  readonly out: string;
  readonly lineage?: string;
  readonly verdict?: string;
  readonly graph?: boolean;
}

const verdicts = ['seed', 'promoted', 'archived', 'refused', 'failed'];

export function addLog(program: Command, session: Session): void {
  withJson(program.command('log <run>'))
    .summary('show the phylogeny of a run')
    .description('Show the phylogeny of a run: what was tried, kept, refused, and taken from whom. Newest first.')
    .option('--lineage <id>', 'only this lineage')
    .addOption(new Option('--verdict <verdict>', 'only generations with this verdict').choices(verdicts))
    .option('--graph', "git's own graph of the run's repository instead")
    .option('--out <dir>', 'where runs are looked for', defaultOut)
    .addHelpText(
      'after',
      `
● promoted  ○ archived  ✕ refused  ⊘ failed, no score  ◎ adopted code from a peer

Examples:
  galapagos log packing-paired-1
  galapagos log packing-paired-1 --lineage numeric --verdict promoted --json`,
    )
    .action(async (run: string, _options, command: Command) => showLog(session, run, command.optsWithGlobals()));
}

async function showLog(session: Session, run: string, flags: LogFlags): Promise<void> {
  const { io, paint, glyphs } = session;
  const path = flags.lineage === undefined ? run : `${run.replace(/\/+$/, '')}/${flags.lineage}`;
  const { record, lineage } = await locateTarget(path, flags.out);
  if (flags.graph === true) {
    const graph = await readGraph(record, { color: flags.json !== true && wantsColor(io.stdout, io.env) });
    if (flags.json === true) session.printJson({ run: record.run, graph });
    else io.stdout.write(graph);
    return;
  }
  const rows = logRows(record).filter(
    (row) =>
      (lineage === null || row.lineage === lineage) && (flags.verdict === undefined || row.verdict === flags.verdict),
  );
  if (flags.json === true) return session.printJson({ run: record.run, status: record.status, generations: rows });
  if (rows.length === 0) return session.note(`${record.run} has no such generation yet`);
  const shown = record.lineages.map((l) => l.id).filter((id) => rows.some((row) => row.lineage === id));
  const lines = drawPhylogeny(rows, shown, { glyphs, paint });
  session.print(...(io.stdout.isTTY ? lines.map((line) => crop(line, io.stdout.columns)) : lines));
}
