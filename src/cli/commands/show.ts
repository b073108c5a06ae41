import type { Command } from 'commander';
import {
  type GenerationDetail,
  type LineageRecord,
  locateTarget,
  outcomeOf,
  type RunRecord,
  readGeneration,
  type Target,
} from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { hasTimes } from './imported.ts';
import { defaultOut } from './places.ts';
import { generationLines } from './show-generation-lines.ts';
import { lineageLines, runLines } from './show-lines.ts';

interface ShowFlags extends CommonOptions {
  readonly out: string;
  readonly patch?: boolean;
}

export function addShow(program: Command, session: Session): void {
  withJson(program.command('show <target>'))
    .summary('show a run, a lineage or a generation')
    .description(
      'Show a run, one of its lineages, or one generation: what it changed, scored, read, asked the model and why it was kept.',
    )
    .option('-p, --patch', 'the whole diff of a generation as well')
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
      const { out, json, patch } = command.optsWithGlobals<ShowFlags>();
      const target = await locateTarget(path, out);
      const detail = target.generation === null ? null : await readGeneration(target);
      if (json === true) session.printJson(documentOf(target, detail));
      else session.print(...linesOf(session, target, detail, patch === true));
    });
}

function documentOf({ record, lineage, generation }: Target, detail: GenerationDetail | null): unknown {
  if (generation !== null) return { run: record.run, ...generation, ...detail };
  const outcome = outcomeOf(record.experiment, [record], null).runs[0]!;
  if (lineage !== null) {
    const { generations, test } = lineageOf(record, lineage);
    return { run: record.run, lineage, outcome: outcome.lineages[lineage], test, generations };
  }
  const { experiment, reason, startedAtMs, wallMs } = record;
  const tests = record.lineages.map(({ id, test }) => [id, test?.status === 'measured' ? test.score : null]);
  const times = hasTimes(record) ? { startedAtMs, wallMs } : { startedAtMs: null, wallMs: null };
  return {
    ...{ experiment, ...outcome, reason, ...times, test: Object.fromEntries(tests) },
    ...(record.imported === undefined ? {} : { imported: record.imported }),
  };
}

function linesOf(
  session: Session,
  { record, lineage, generation }: Target,
  detail: GenerationDetail | null,
  withPatch: boolean,
): string[] {
  if (lineage === null) return runLines(session, record);
  const known = lineageOf(record, lineage);
  if (generation === null || detail === null) return lineageLines(session, record, known);
  return generationLines(session, record, known, generation, detail, withPatch);
}

function lineageOf(record: RunRecord, id: string): LineageRecord {
  return record.lineages.find((l) => l.id === id)!;
}
