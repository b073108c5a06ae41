import { commitOf } from '../../../actors/archivist/create-archivist.ts';
import { summaryOf } from '../../../actors/lineage/summary.ts';
import { LineageCorruptError } from '../../core/errors.ts';
import { type FileTree, manifestOf, totalBytes } from '../../core/file-tree.ts';
import type { CommitId, GenomeId, LineageId } from '../../core/ids.ts';
import type { Adoption, Generation, Usage } from '../../core/records.ts';
import type { GenomeStore, Lineage } from '../../lineage/lineage.ts';
import type { ForeignGeneration, ForeignRun } from './foreign-run.ts';

/** What a generation's code is, without the code. */
interface Kept {
  readonly commit: CommitId;
  readonly genome: GenomeId;
  readonly bytes: number;
  readonly lines: number;
  /** SHA-256 by path. */
  readonly files: ReadonlyMap<string, string>;
  readonly score: number | null;
}

const empty: FileTree = new Map();

/** Writes generations as commits and gives the record of each. One writer for a run, in the order of its rounds. */
export function createGenerationWriter(foreign: ForeignRun, genomes: GenomeStore, lineage: Lineage) {
  const { run, seed } = foreign;
  const modelOf = new Map<LineageId, string>(foreign.lineages.map(({ id, model }) => [id, model ?? 'not available']));
  const kept = new Map<string, Kept>();
  const best = new Map<LineageId, number>();
  const keptOf = (id: LineageId, generation: number): Kept => {
    const found = kept.get(`${id}/${generation}`);
    if (found === undefined) throw new LineageCorruptError(`${id}/${generation} is referred to and was not written`);
    return found;
  };
  /** Times are not known; a day a seed from 2000-01-01 and a minute a round, as in a run with the logical clock. */
  const secondsOf = (round: number) => 946_684_800 + ((seed ?? 0) % 3_650) * 86_400 + round * 60;
  /** What the source does not say costs an unknown amount. */
  const usage: Usage = { calls: 0, toolCalls: 0, promptTokens: 0, completionTokens: 0, costUsd: null };

  const store = async (files: FileTree): Promise<Omit<Kept, 'commit' | 'score'>> => ({
    genome: await genomes.put(files),
    bytes: totalBytes(files),
    lines: [...files.values()].reduce((sum, file) => sum + lineCount(file.bytes), 0),
    files: new Map(manifestOf(files).map(({ path, sha256 }) => [path, sha256])),
  });

  return {
    secondsOf,
    usage,
    async write(g: ForeignGeneration, round: number): Promise<Generation> {
      const parent = g.parent === null ? null : keptOf(g.lineage, g.parent);
      const origin = g.forkedFrom === undefined ? parent : keptOf(g.forkedFrom.lineage, g.forkedFrom.generation);
      const code = g.files === null ? (origin ?? (await store(empty))) : await store(g.files);
      const record: Omit<Generation, 'commit'> = {
        ...{ lineage: g.lineage, generation: g.generation, round, parent: g.parent, metaFrom: g.metaFrom },
        ...{ genome: code.genome, verdict: g.verdict, checks: [], failure: g.failure, train: g.train },
        ...{ selection: g.selection, adoption: adoptionOf(g, code, keptOf), reads: [], usage },
        ...{ bytes: code.bytes, files: code.files.size, changedFiles: changed(origin?.files, code.files) },
        published: g.isPublished,
        ...(g.isPartial ? { isPartial: true } : {}),
        ...(g.tournament === undefined ? {} : { tournament: g.tournament }),
      };
      const score = g.selection?.status === 'measured' ? g.selection.score : null;
      const isBest =
        score !== null && g.verdict !== 'failed' && score > (best.get(g.lineage) ?? Number.NEGATIVE_INFINITY);
      if (isBest) best.set(g.lineage, score);
      const request = commitOf(
        {
          ...{ kind: 'record', run, seed: seed ?? 0, lineage: g.lineage, generation: g.generation, round },
          ...{ model: modelOf.get(g.lineage)!, genome: code.genome, parentCommit: origin?.commit ?? null },
          ...{ metaFrom: g.metaFrom, verdict: g.verdict, adoption: record.adoption, reads: [], isBest },
          summary: g.subject ?? summaryOf(record),
        },
        secondsOf(round),
      );
      const commit = await lineage.commit({ ...request, trailers: [...request.trailers, ...trailersOf(g)] });
      kept.set(`${g.lineage}/${g.generation}`, { ...code, commit, score });
      return { ...record, commit };
    },
  };
}

function trailersOf({ forkedFrom, files, trailers }: ForeignGeneration): readonly (readonly [string, string])[] {
  return [
    ...(forkedFrom === undefined ? [] : [['Forked-From', `${forkedFrom.lineage}/${forkedFrom.generation}`] as const]),
    ...(files === null ? [['Code', 'not available'] as const] : []),
    ...trailers,
  ];
}

/** A copy took every line of what it is a copy of. */
function adoptionOf(
  { copyOf }: ForeignGeneration,
  { lines }: Pick<Kept, 'lines'>,
  keptOf: (lineage: LineageId, generation: number) => Kept,
): Adoption | null {
  if (copyOf === undefined || lines === 0) return null;
  const { commit, genome, score } = keptOf(copyOf.lineage, copyOf.generation);
  return score === null ? null : { from: { ...copyOf, commit, genome, score }, lines, share: 1 };
}

function changed(before: ReadonlyMap<string, string> | undefined, after: ReadonlyMap<string, string>): string[] {
  const paths = new Set([...(before?.keys() ?? []), ...after.keys()]);
  return [...paths].filter((path) => before?.get(path) !== after.get(path)).sort();
}

function lineCount(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) lines += 1;
  return bytes.length > 0 && bytes.at(-1) !== 0x0a ? lines + 1 : lines;
}
