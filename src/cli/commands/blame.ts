import type { Command } from 'commander';
import { type Blame, blameGeneration, locateTarget, type Target } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { clean, cleanLines } from '../text/clean.ts';
import { counted } from '../text/numbers.ts';
import { columns, crop } from '../text/width.ts';
import { defaultOut } from './places.ts';

interface BlameFlags extends CommonOptions {
  readonly out: string;
}

export function addBlame(program: Command, session: Session): void {
  withJson(program.command('blame <generation> [file]'))
    .summary('show where each line of a generation came from')
    .description(
      'Show which generation of which lineage each line of a generation came from, its own or adopted, and the share of each lineage.',
    )
    .option('--out <dir>', 'where runs are looked for', defaultOut)
    .addHelpText(
      'after',
      `
A generation is <run>/<lineage>/<number>. It is git blame over the run's repository, in which an adoption is a merge.

Examples:
  galapagos blame packing-paired-1/numeric/3
  galapagos blame packing-paired-1/numeric/3 task.mjs --json`,
    )
    .action(async (path: string, file: string | undefined, _options, command: Command) => {
      const { out, json } = command.optsWithGlobals<BlameFlags>();
      const target = await locateTarget(path, out);
      const blame = await blameGeneration(target, file ?? null);
      const { run } = target.record;
      const { lineage } = target;
      const { generation, commit } = target.generation!;
      if (json === true) session.printJson({ run, lineage, generation, commit, ...blame });
      else session.print(...linesOf(session, target, blame));
    });
}

function linesOf(session: Session, target: Target, { files, lineages }: Blame): string[] {
  const { paint, io } = session;
  const width = io.stdout.isTTY ? io.stdout.columns : Number.POSITIVE_INFINITY;
  const originOf = (lineage: string, generation: number) => {
    if (lineage !== target.lineage) return paint.cyan;
    return generation === target.generation!.generation ? paint.green : (text: string) => text;
  };
  const sources = files.map((file) =>
    columns(
      (file.lines ?? []).map(({ lineage, generation }, i) => [
        originOf(lineage, generation)(`${lineage} g${generation}`),
        paint.dim(String(i + 1)),
      ]),
      [1],
    ),
  );
  return [
    ...files.flatMap(({ path, lines }, at) => [
      paint.bold(clean(path)),
      ...(lines ?? []).map(({ text }, i) => crop(`${sources[at]![i]}  ${cleanLines(text)}`.trimEnd(), width)),
      ...(lines === null ? ['no text'] : lines.length === 0 ? ['empty'] : []),
      '',
    ]),
    ...columns(
      lineages.map(({ lineage, isOwn, lines, share, generations }) => [
        (isOwn ? paint.bold : paint.cyan)(lineage),
        counted(lines, 'line'),
        `${(share * 100).toFixed(1)} %`,
        isOwn ? 'its own' : 'adopted',
        generationsText(generations),
      ]),
      [1, 2],
    ),
  ];
}

/** The generations that most lines are of, and how many others there are. */
function generationsText(generations: Blame['lineages'][number]['generations']): string {
  const most = [...generations].sort((a, b) => b.lines - a.lines).slice(0, 5);
  const rest = generations.length - most.length;
  return `${most.map((g) => `g${g.generation}: ${g.lines}`).join(', ')}${rest > 0 ? `, ${rest} more` : ''}`;
}
