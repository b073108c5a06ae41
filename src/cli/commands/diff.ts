import type { Command } from 'commander';
import { diffGenerations, locateTarget, type Target } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { cleanLines } from '../text/clean.ts';
import { paintDiff } from '../text/diff.ts';
import { defaultOut } from './places.ts';

interface DiffFlags extends CommonOptions {
  readonly out: string;
}

export function addDiff(program: Command, session: Session): void {
  withJson(program.command('diff <generation> [other]'))
    .summary('show what a generation changed')
    .description('Show how a generation differs from its parent, or from another generation of its run.')
    .option('--out <dir>', 'where runs are looked for', defaultOut)
    .addHelpText(
      'after',
      `
A generation is <run>/<lineage>/<number>. With two, the change from the first to the second.

Examples:
  galapagos diff packing-paired-1/numeric/3
  galapagos diff packing-paired-1/numeric/0 packing-paired-1/structural/7`,
    )
    .action(async (a: string, b: string | undefined, _options, command: Command) => {
      const { out, json } = command.optsWithGlobals<DiffFlags>();
      const first = await locateTarget(a, out);
      const second = b === undefined ? null : await locateTarget(b, out, first.record);
      const diff = await diffGenerations(first, second);
      if (json === true) return session.printJson(document(first, second, diff));
      if (diff === '') return session.note('no difference');
      // Piped, it is a patch and stays as it is, byte for byte.
      session.io.stdout.write(session.io.stdout.isTTY ? paintDiff(session.paint, cleanLines(diff)) : diff);
    });
}

function document(first: Target, second: Target | null, diff: string) {
  const [from, to] = second === null ? [parentOf(first), first] : [first, second];
  const place = ({ lineage, generation }: Target) => ({
    lineage,
    generation: generation?.generation ?? null,
    commit: generation?.commit ?? null,
  });
  return { run: first.record.run, from: place(from), to: place(to), diff };
}

function parentOf({ record, lineage, generation }: Target): Target {
  const known = record.lineages.find((l) => l.id === lineage)?.generations ?? [];
  return { record, lineage, generation: known.find((g) => g.generation === generation?.parent) ?? null };
}
