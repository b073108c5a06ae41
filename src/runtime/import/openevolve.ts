import { basename, dirname } from 'node:path';
import { RunNotFoundError } from '../../core/errors.ts';
import { sortTree, textFile } from '../../core/file-tree.ts';
import { type LineageId, parseLineageId, parseRunId } from '../../core/ids.ts';
import type { Json } from '../../core/json.ts';
import type { Evaluation } from '../../core/records.ts';
import type { ForeignGeneration, ForeignRun } from './foreign-run.ts';
import { createMissingList, type MissingList } from './missing.ts';
import { tokenOf } from './names.ts';
import { type Place, placePrograms } from './openevolve-places.ts';
import { readProgram } from './openevolve-program.ts';
import { failedEvaluation, scoreAlone } from './recorded-evaluation.ts';
import { openSourceTree, type SourceTree } from './source-tree.ts';

const extensions: Readonly<Record<string, string>> = {
  python: 'py',
  javascript: 'js',
  typescript: 'ts',
  rust: 'rs',
  cpp: 'cpp',
};

/**
 * A checkpoint of OpenEvolve: `metadata.json` and `programs/<id>.json`; or the
 * newest one of a directory of `checkpoint_<n>`. Islands become lineages,
 * programs generations in the order they were found; a migrant is a copy of
 * the program it came from.
 * @see OpenEvolve, `ProgramDatabase.save` and `Program.to_dict`.
 */
export function readOpenEvolve(root: string): ForeignRun[] {
  const missing = createMissingList();
  const tree = openSourceTree(checkpointIn(root), missing);
  const names = tree.files('programs').filter((name) => name.endsWith('.json'));
  const { programs, places, lineages } = placePrograms(tree, names);
  if (programs.length === 0) return [];
  const name = experimentName(tree.root);
  const pairing = `${name}/${basename(tree.root)}`;
  const language = programs[0]!.language;
  const taskFile = `program.${extensions[language] ?? 'txt'}`;
  missing.add('', 'the checkpoint records no seed, no number of items, and none of the programs that were displaced');
  return [
    {
      ...{ run: parseRunId(tokenOf(`openevolve ${pairing}`)), seed: null, source: 'openevolve' },
      arm: lineages.length > 1 ? 'paired' : 'solo',
      ...{ pairing, family: name, taskFile, settings: { selection: 'latest' }, tells: [] },
      lineages: lineages.map((id) => ({ id: parseLineageId(id), model: null })),
      missing,
      rounds: roundsOf(tree, places, taskFile),
      tests: () => [],
      notAvailable: () => ['usage', 'times', 'reads', 'items', 'displaced programs'],
    },
  ];
}

/** `root` itself, or the checkpoint with the highest number in it or in its `checkpoints`. */
function checkpointIn(root: string): string {
  const tree = openSourceTree(root, createMissingList());
  if (tree.directories('').includes('programs')) return root;
  for (const folder of ['', 'checkpoints/']) {
    const numbers = tree
      .directories(folder.slice(0, -1))
      .flatMap((name) => /^checkpoint_(\d+)$/.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a);
    if (numbers.length > 0) return `${root}/${folder}checkpoint_${numbers[0]}`;
  }
  throw new RunNotFoundError(`${root} is no checkpoint of OpenEvolve: neither programs/ nor checkpoint_<n>/ is there`, {
    details: { next: 'give a directory checkpoint_<n>, or the one that holds them' },
  });
}

/** The directory that holds the checkpoints is called after the experiment, or holds `openevolve_output` that is in it. */
function experimentName(checkpoint: string): string {
  let at = dirname(checkpoint);
  while (['checkpoints', 'openevolve_output'].includes(basename(at))) at = dirname(at);
  return basename(at) || 'openevolve';
}

/** One program a round, so that whatever it came from was written before. */
function* roundsOf(
  tree: SourceTree,
  places: readonly Place[],
  taskFile: string,
): Generator<readonly ForeignGeneration[]> {
  const best = new Map<LineageId, number>();
  for (const place of places) {
    const program = readProgram(tree, place.file);
    if (program === null || program.code === null) continue;
    const { lineage, generation, origin } = place;
    const selection = scoreOf(program.metrics, place.file, tree.missing);
    const score = selection.status === 'measured' ? selection.score : null;
    const isBetter = score !== null && score > (best.get(lineage) ?? Number.NEGATIVE_INFINITY);
    if (isBetter) best.set(lineage, score);
    const isOwn = origin !== null && origin.lineage === lineage;
    yield [
      {
        ...{ lineage, generation, metaFrom: null, parent: isOwn ? origin.generation : null },
        ...(origin !== null && !isOwn ? { forkedFrom: origin } : {}),
        ...(origin !== null && !isOwn && program.isMigrant ? { copyOf: origin } : {}),
        files: sortTree([[taskFile, textFile(program.code)]]),
        verdict: score === null ? 'failed' : origin === null ? 'seed' : isBetter ? 'promoted' : 'archived',
        ...{ failure: null, train: null, selection, isPartial: false, isPublished: false },
        trailers: [
          ['Program', program.id],
          ['Iteration', String(program.iteration)],
          ...(program.isMigrant ? [['Migrant', 'true'] as const] : []),
        ],
        subject: program.isMigrant ? 'a migrant' : (program.changes ?? `found in iteration ${program.iteration}`),
        recorded: { isValid: score !== null, train: null, selection: score, readPeers: null, hasFiles: true },
      },
    ];
  }
}

/** `combined_score`, or, as OpenEvolve ranks without one, the mean of its numbers. An `error` among them is a failure. */
function scoreOf(metrics: Readonly<Record<string, unknown>>, path: string, missing: MissingList): Evaluation {
  if ('error' in metrics) return failedEvaluation('selection', 'the metrics hold an error');
  const numbers = Object.entries(metrics).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]),
  );
  const details = { metrics: Object.fromEntries(numbers) } as Json;
  if (typeof metrics.combined_score === 'number' && Number.isFinite(metrics.combined_score)) {
    return scoreAlone('selection', metrics.combined_score, details);
  }
  if (numbers.length === 0) {
    missing.add(path, 'has no metrics that are numbers');
    return failedEvaluation('selection', 'no metrics are recorded');
  }
  return scoreAlone('selection', numbers.reduce((sum, [, value]) => sum + value, 0) / numbers.length, details);
}
