import type { LineageId } from '../../../core/ids.ts';
import type { Tournament, Verdict } from '../../../core/records.ts';
import type { ForeignGeneration } from '../foreign-run.ts';
import { failedEvaluation } from '../recorded-evaluation.ts';
import type { SourceTree } from '../source-tree.ts';
import { type FoundEvaluation, findEvaluation } from './evaluation.ts';
import type { FoundAgent, FoundRun } from './layout.ts';
import { type Metadata, readMetadata } from './metadata.ts';
import { readPeers } from './traces.ts';

/** Ceilings of one generation's `repo/`. */
const repoLimits = { maxFiles: 5_000, maxFileBytes: 4 * 1_048_576, maxBytes: 64 * 1_048_576 };

export interface LineageReader {
  /** `null` for a number without a readable generation, which is told. */
  read(generation: number): ForeignGeneration | null;
  /** The best so far by recorded selection score, the earliest of equals. */
  readonly best: { readonly generation: number; readonly score: number } | null;
  /** Generations that the source calls invalid. */
  readonly invalid: number;
  readonly count: number;
  readonly hasTraces: boolean;
}

/** Reads one agent's generations, in ascending order, one at a time. */
export function openLineage(
  tree: SourceTree,
  agent: FoundAgent,
  id: LineageId,
  kind: FoundRun['kind'],
  isMetaFrozen: boolean,
): LineageReader {
  const leavesFiles = agent.generations.some((g) =>
    tree.directories(`${prefixOf(agent)}gen_${g}`).some((name) => name === 'eval_val' || name === 'eval_train'),
  );
  const known = new Set<number>();
  let latestCode: number | null = null;
  let best: { generation: number; score: number } | null = null;
  let bestMeasured: number | null = null;
  let invalid = 0;
  let hasTraces = false;

  const parentOf = ({ parent }: Metadata, generation: number, dir: string): number | null => {
    // The transfer experiment edits whatever code it had last, and does not record it.
    if (kind === 'transfer' && parent === null) return latestCode;
    if (parent === null || known.has(parent)) return parent;
    const why = parent < generation ? 'was not imported' : 'does not come before it';
    tree.missing.add(`${dir}/metadata.json`, `its parent, generation ${parent}, ${why}`);
    return null;
  };

  return {
    get best() {
      return best;
    },
    get invalid() {
      return invalid;
    },
    get count() {
      return known.size;
    },
    get hasTraces() {
      return hasTraces;
    },
    read(generation) {
      const dir = `${prefixOf(agent)}gen_${generation}`;
      const json = tree.readJson(`${dir}/metadata.json`);
      if (json === null) {
        const isThere = tree.files(dir).includes('metadata.json');
        if (!isThere) tree.missing.add(dir, 'has no metadata.json: the generation is not imported');
        return null;
      }
      const metadata = readMetadata(json, `${dir}/metadata.json`, tree.missing);
      if (metadata === null) return null;
      const parent = generation === 0 ? null : parentOf(metadata, generation, dir);
      const files = tree.readTree(`${dir}/repo`, repoLimits);
      if (files === null && metadata.valid) tree.missing.add(`${dir}/repo`, 'is not there: code is not available');
      const read = kind === 'transfer' ? readPeers(tree, dir) : null;
      hasTraces ||= read !== null;
      const find = (split: 'train' | 'selection') =>
        findEvaluation({
          ...{ tree, split, leavesFiles },
          // Of a tournament, each candidate was trained in a directory of its own.
          prefix: split === 'train' && metadata.winner !== null ? `${dir}/${metadata.winner}/` : `${dir}/`,
          recorded: metadata.valid ? metadata[split] : null,
          ranFull: split === 'selection' ? metadata.ranFullEvaluation : null,
        });
      const [train, selection] = [find('train'), find('selection')];
      const score = metadata.valid ? metadata.selection : null;
      const isPublished = kind === 'transfer' && score !== null && score > Math.max(0, best?.score ?? 0);
      if (score !== null && (best === null || score > best.score)) best = { generation, score };
      const ours = selection.evaluation?.status === 'measured' ? selection.evaluation.score : null;
      const isBetter = ours !== null && (bestMeasured === null || ours > bestMeasured);
      if (isBetter) bestMeasured = ours;
      known.add(generation);
      if (!metadata.valid) invalid += 1;
      if (files !== null) latestCode = generation;
      return {
        ...{ lineage: id, generation, parent, files, isPublished },
        ...forkOf(metadata, parent, known, id),
        metaFrom: parent === null ? null : isMetaFrozen || metadata.winner === 'blind' ? 0 : parent,
        verdict: verdictOf(generation, metadata, selection, isBetter),
        ...failureOf(metadata, selection),
        train: train.evaluation,
        isPartial: selection.isPartial,
        ...tournamentOf(metadata),
        trailers: [],
        recorded: {
          ...{ isValid: metadata.valid, train: metadata.train, selection: metadata.selection },
          ...{ readPeers: read, hasFiles: files !== null },
        },
      };
    },
  };
}

const prefixOf = ({ path }: FoundAgent) => (path === '' ? '' : `${path}/`);

function verdictOf(
  generation: number,
  { valid }: Metadata,
  { evaluation }: FoundEvaluation,
  isBetter: boolean,
): Verdict {
  if (!valid) return 'failed';
  if (generation === 0) return 'seed';
  if (evaluation?.status !== 'measured') return 'failed';
  return isBetter ? 'promoted' : 'archived';
}

/** Why a generation is invalid: it could not be evaluated, or there was nothing to evaluate. */
function failureOf(
  { valid, error }: Metadata,
  { evaluation }: FoundEvaluation,
): Pick<ForeignGeneration, 'failure' | 'selection'> {
  if (valid) return { failure: null, selection: evaluation };
  if (error === 'eval failed') return { failure: null, selection: failedEvaluation('selection', error) };
  const stage = error === 'task_agent.py missing' ? 'collect' : 'meta-agent';
  return { failure: { stage, message: error ?? 'no error is recorded' }, selection: null };
}

/** A blind winner is made from generation 0, not from the parent that was drawn. */
function forkOf({ forkedFrom }: Metadata, parent: number | null, known: ReadonlySet<number>, lineage: LineageId) {
  if (forkedFrom === null || forkedFrom === parent || !known.has(forkedFrom)) return {};
  return { forkedFrom: { lineage, generation: forkedFrom } };
}

function tournamentOf({ isTournament, winner, blind, directed }: Metadata): { tournament?: Tournament } {
  return isTournament && winner !== null ? { tournament: { winner, directed, blind } } : {};
}
