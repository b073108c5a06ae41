import type { Command } from 'commander';
import { type LineageRecord, locateTarget, outcomeOf, type RunRecord, type Target } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { defaultOut } from './places.ts';
import { generationLines, lineageLines, runLines } from './show-lines.ts';

interface ShowFlags extends CommonOptions {
  readonly out: string;
}

export function addShow(program: Command, session: Session): void {
  withJson(program.command('show <target>'))
    .summary('show a run, a lineage or a generation')
    .description(
      'Show a run, one of its lineages, or one generation: what it changed, scored, read and why it was kept.',
    )
    .option('--out <dir>', 'where runs are looked for', defaultOut)
    .addHelpText(
      'after',
      `
<target> is <run>[/<lineage>[/<generation>]]; <run> may be a directory.

Examples:
  galapagos show packing-paired-1
  galapagos show packing-paired-1/numeric/3 --json`,
    )
    .action(async (path: string, _options, command: Command) => {
      const { out, json } = command.optsWithGlobals<ShowFlags>();
      const target = await locateTarget(path, out);
      if (json === true) session.printJson(documentOf(target));
      else session.print(...linesOf(session, target));
    });
}

function documentOf({ record, lineage, generation }: Target): unknown {
  if (generation !== null) return { run: record.run, ...generation };
  const outcome = outcomeOf(record.experiment, [record], null).runs[0]!;
  if (lineage !== null) {
    const { generations, test } = lineageOf(record, lineage);
    return { run: record.run, lineage, outcome: outcome.lineages[lineage], test, generations };
  }
  const { experiment, reason, startedAtMs, wallMs } = record;
  const tests = record.lineages.map(({ id, test }) => [id, test?.status === 'measured' ? test.score : null]);
  return { experiment, ...outcome, reason, startedAtMs, wallMs, test: Object.fromEntries(tests) };
}

function linesOf(session: Session, { record, lineage, generation }: Target): string[] {
  if (lineage === null) return runLines(session, record);
  const known = lineageOf(record, lineage);
  return generation === null
    ? lineageLines(session, record, known)
    : generationLines(session, record, known, generation);
}

function lineageOf(record: RunRecord, id: string): LineageRecord {
  return record.lineages.find((l) => l.id === id)!;
}
