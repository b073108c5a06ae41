import { type Command, Option } from 'commander';
import { type AdoptionWitness, type Analysis, type AnalysisNotes, adoptionWitnesses, analyze } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { clean } from '../text/clean.ts';
import { counted } from '../text/numbers.ts';
import { analysisLines } from './analysis-lines.ts';
import { defaultOut, fromHere } from './places.ts';

interface AnalyzeFlags extends CommonOptions {
  readonly out: string;
  readonly adoption?: AdoptionWitness;
}

export function addAnalyze(program: Command, session: Session): void {
  withJson(program.command('analyze <target>'))
    .summary('adoptions, crashes, neglect and rates, by their published definitions')
    .description(
      'Analyze a run, a group of runs, or every run in a folder: who adopted whose code, who crashed and recovered, who stopped reading, and how fast scores were reached.',
    )
    .addOption(
      new Option(
        '--adoption <witness>',
        'who says what an adoption is (default: provenance where a run has it, else similarity)',
      ).choices(adoptionWitnesses),
    )
    .option('--out <dir>', 'where runs are looked for by name', defaultOut)
    .addHelpText(
      'after',
      `
Witnesses of adoption:
  provenance         the peer's file reached the generation, and lines of it are in its code
  similarity         as published: closer to the peer's best code so far than to its own before, d_peer / (d_own + d_peer) < 0.4
  similarity-causal  the same, with only what the peer had published in earlier generations

Examples:
  galapagos analyze packing-paired-1
  galapagos analyze results/runs --adoption similarity --json`,
    )
    .action(async (target: string, _options, command: Command) => {
      const { out, adoption, json } = command.optsWithGlobals<AnalyzeFlags>();
      const { notes, ...analysis } = await analyze(target, {
        out,
        ...(adoption === undefined ? {} : { adoption }),
        onRun: (run, index, runs) => {
          if (runs > 1) session.note(`analyzing ${index + 1} of ${runs}: ${run}`);
        },
      });
      if (json === true) session.printJson(analysis satisfies Analysis);
      else session.print(...analysisLines(session, analysis));
      for (const line of noteLines(notes)) session.note(line);
    });
}

/** What a reader of the figures has to know; on standard error, so that a script reads figures alone. */
function noteLines({ runs, withoutReads, unreadable }: AnalysisNotes): string[] {
  const kinds = [...new Set(runs.map(({ witness, why }) => `${witness} (${why})`))];
  return [
    ...kinds.map((kind) => {
      const own = runs.filter(({ witness, why }) => `${witness} (${why})` === kind);
      return `adoption by ${kind}: ${own.length === 1 ? own[0]!.run : counted(own.length, 'run')}`;
    }),
    ...(withoutReads.length === 0
      ? []
      : [`neglect is not available where nobody knows what was read: ${namesOf(withoutReads)}`]),
    ...unreadable.map(({ dir, error }) => `cannot be read: ${fromHere(dir)}: ${clean(error)}`),
  ];
}

const namesOf = (runs: readonly string[]) => (runs.length <= 3 ? runs.join(', ') : counted(runs.length, 'run'));
