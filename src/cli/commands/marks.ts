import { type Command, InvalidArgumentError } from 'commander';
import {
  followMarks,
  isScope,
  locateTarget,
  type MarkEntry,
  type MarkFilter,
  type MarkKind,
  markKinds,
  openRunMarks,
  orderLift,
} from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { counted } from '../text/numbers.ts';
import { crop } from '../text/width.ts';
import { conductLine, detailLines, followedLine, markLines, readLines } from './mark-lines.ts';
import { defaultOut } from './places.ts';
import { listenForStop } from './stop-signals.ts';

interface MarksFlags extends CommonOptions {
  readonly out: string;
  readonly kind?: readonly MarkKind[];
  readonly scope?: string;
  readonly author?: string;
  readonly topic?: string;
  readonly minStrength?: number;
  readonly all?: boolean;
  readonly follow?: boolean;
  readonly reads?: boolean;
  readonly lift?: string;
  readonly anew?: boolean;
}

export function addMarks(program: Command, session: Session): void {
  withJson(program.command('marks <run> [mark]'))
    .summary('show what agents left for each other, and who read it')
    .description(
      "Show the marks of a run, or one in full. A mark's name may be cut short. Works while the run goes on, and changes nothing.",
    )
    .option('--kind <kind>', `only these: ${markKinds.join(', ')}; repeat it or separate by commas`, kindList)
    .option('--scope <scope>', 'only this scope and what is below it', scopeName)
    .option('--author <id>', 'only of this author')
    .option('--topic <topic>', 'only on this topic')
    .option('--min-strength <n>', 'only as strong as this, 0 to 1 (default: 0.01)', shareOf)
    .option('--all', 'also what was superseded, has expired or has faded')
    .option('--follow', 'then each new one as it is written, until the run ends; with --json one document a line')
    .option('--reads', "instead: which of its peers' files reached each generation")
    .option('--lift <lineage>', 'let a lineage go on that the guard holds back, in one --scope or wherever it is')
    .option('--anew', 'with --lift: what it does from now on is what it is meant to do')
    .option('--out <dir>', 'where runs are looked for', defaultOut)
    .addHelpText(
      'after',
      `
Strengths are those of this moment while the run goes on, and of its end once it does not.

Examples:
  galapagos marks packing-paired-1
  galapagos marks packing-paired-1 strategy-4f1c --json
  galapagos marks packing-paired-1 --scope strategies/numeric --all
  galapagos marks packing-paired-1 --reads
  galapagos marks packing-paired-1 --lift numeric`,
    )
    .action(async (run: string, mark: string | undefined, _options, command: Command) => {
      const flags = command.optsWithGlobals<MarksFlags>();
      if (flags.lift !== undefined) lift(session, run, flags.lift, flags);
      else if (flags.reads === true) await showReads(session, run, flags);
      else if (mark !== undefined) await showMark(session, run, mark, flags);
      else if (flags.follow === true) await follow(session, run, flags);
      else await listMarks(session, run, flags);
    });
}

async function listMarks(session: Session, run: string, flags: MarksFlags): Promise<void> {
  await using marks = await openRunMarks(run, flags.out);
  const entries = marks.entries(filterOf(flags));
  if (flags.json === true) {
    const { isRunning, atMs, clock, conduct } = marks;
    return session.printJson({ run: marks.run, isRunning, clock, atMs, marks: entries.map(documentOf), conduct });
  }
  session.print(...fitted(session, markLines(session, marks.clock, entries)));
  for (const fact of marks.conduct) session.note(conductLine(fact));
  const hidden = marks.entries({ ...filterOf(flags), all: true, minStrength: 0 }).length - entries.length;
  if (hidden > 0) session.note(`${counted(hidden, 'mark')} not shown: replaced, expired or too weak; see --all`);
  else if (entries.length === 0) session.note(`${marks.run} has ${marks.size === 0 ? 'no marks' : 'no such mark'} yet`);
}

function lift(session: Session, run: string, lineage: string, { out, scope, anew = false, json }: MarksFlags): void {
  const order = orderLift(run, out, { lineage, anew, ...(scope === undefined ? {} : { scope }) });
  if (json === true) session.printJson({ run, ...order });
  else session.print(`${lineage} may go on from the next round of ${run}, also when it is resumed`);
}

async function showMark(session: Session, run: string, id: string, flags: MarksFlags): Promise<void> {
  await using marks = await openRunMarks(run, flags.out);
  const detail = marks.detail(id);
  if (flags.json !== true) return session.print(...detailLines(session, marks, detail));
  const { weighing, chain, strengths } = detail;
  const documents = { weighing: weighing.map(documentOf), chain: chain.map(documentOf) };
  session.printJson({ run: marks.run, ...documentOf(detail), ...documents, strengths });
}

async function follow(session: Session, run: string, flags: MarksFlags): Promise<void> {
  await using marks = await openRunMarks(run, flags.out);
  const stop = new AbortController();
  const { stopSoon, stopListening } = listenForStop(session.io, () => stop.abort());
  try {
    for await (const entry of followMarks(marks, filterOf(flags), stopSoon)) {
      if (flags.json === true) session.printJsonLine(documentOf(entry));
      else session.print(...fitted(session, [followedLine(session, entry)]));
    }
    if (!stopSoon.aborted) session.note(`${marks.run} is not running any more`);
  } finally {
    stopListening();
  }
}

async function showReads(session: Session, run: string, flags: MarksFlags): Promise<void> {
  const { record } = await locateTarget(run, flags.out);
  const reads = record.lineages.flatMap(({ generations }) =>
    generations.flatMap(({ lineage, generation, round, commit, reads: found, adoption }) =>
      found.map((read) => ({
        lineage,
        generation,
        round,
        commit,
        read,
        isAdopted: adoption?.from.commit === read.commit,
      })),
    ),
  );
  if (flags.json === true) return session.printJson({ run: record.run, reads });
  if (reads.length === 0) return session.note(`no file of a peer has reached a generation of ${record.run}`);
  session.print(...fitted(session, readLines(session, reads)));
}

/** What scripts get: the mark itself, and what became of it. */
function documentOf({ mark, round, ageMs, strength, warnings, supersededBy }: MarkEntry) {
  return { ...mark, round, ageMs, strengthNow: strength, warnings, supersededBy };
}

function filterOf({ kind, scope, author, topic, minStrength, all = false }: MarksFlags): MarkFilter {
  return {
    all,
    ...(kind === undefined ? {} : { kinds: kind }),
    ...(scope === undefined ? {} : { scope }),
    ...(author === undefined ? {} : { author }),
    ...(topic === undefined ? {} : { topic }),
    ...(minStrength === undefined ? {} : { minStrength }),
  };
}

function fitted({ io }: Session, lines: readonly string[]): string[] {
  return io.stdout.isTTY ? lines.map((line) => crop(line, io.stdout.columns)) : [...lines];
}

function kindList(text: string, before: readonly MarkKind[] = []): readonly MarkKind[] {
  const named = text.split(',').map((part) => part.trim());
  const wrong = named.find((kind) => !markKinds.some((known) => known === kind));
  if (wrong !== undefined) throw new InvalidArgumentError(`There is no ${wrong}; there are ${markKinds.join(', ')}.`);
  return [...before, ...(named as MarkKind[])];
}

function scopeName(text: string): string {
  if (!isScope(text)) throw new InvalidArgumentError('Scopes are words of a-z, 0-9 and "-", joined by "/".');
  return text;
}

function shareOf(text: string): number {
  const share = Number(text);
  if (text.trim() === '' || !(share >= 0 && share <= 1)) throw new InvalidArgumentError('Expected 0 to 1.');
  return share;
}
