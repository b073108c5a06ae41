import type { Split } from '../../../core/niche.ts';
import type { Evaluation, EvaluationItem } from '../../../core/records.ts';
import { readColumns } from '../csv.ts';
import { failedEvaluation, importedItem, scoreAlone } from '../recorded-evaluation.ts';
import type { SourceTree } from '../source-tree.ts';

const folders: Readonly<Record<Split, string>> = { train: 'eval_train', selection: 'eval_val', test: 'test_eval' };
const maxPredictionBytes = 64 * 1_048_576;

export interface FoundEvaluation {
  readonly evaluation: Evaluation | null;
  /** Only the staged sample was evaluated. */
  readonly isPartial: boolean;
}

export interface EvaluationQuestion {
  readonly tree: SourceTree;
  /** The generation's directory, or, for the test, the lineage's: what a path in it begins with. */
  readonly prefix: string;
  readonly split: Split;
  /** The score in `metadata.json`; `null` when it has none. */
  readonly recorded: number | null;
  readonly ranFull: boolean | null;
  /** Whether evaluations of this lineage left files at all. */
  readonly leavesFiles: boolean;
}

const unfinished = 'recorded as 0, and no evaluation was finished';

/**
 * One evaluation of a generation, from what `metadata.json` recorded and the
 * files that bear it out. That system records a failed evaluation as a score
 * of 0: a 0 that no finished evaluation stands behind, in a lineage whose
 * evaluations leave files, is a failed one here.
 */
export function findEvaluation(question: EvaluationQuestion): FoundEvaluation {
  const { tree, prefix, split, recorded, ranFull, leavesFiles } = question;
  if (recorded === null) return { evaluation: null, isPartial: false };
  const folder = `${prefix}${folders[split]}`;
  const full = readFolder(tree, folder);
  if (full !== null && agrees(full, recorded)) return { evaluation: measured(split, recorded, full), isPartial: false };
  const staged = ranFull === true ? null : readFolder(tree, `${folder}/staged`);
  if (full?.isFinished !== true && staged !== null && agrees(staged, recorded))
    return { evaluation: measured(split, recorded, staged), isPartial: true };
  if (recorded === 0 && leavesFiles && full?.isFinished !== true) {
    return { evaluation: failedEvaluation(split, unfinished), isPartial: false };
  }
  if (full?.isFinished === true) {
    tree.missing.add(`${folder}/report.json`, `says ${full.score} where metadata.json says ${recorded}, which is kept`);
  } else tree.missing.add(folder, 'holds nothing that bears out the recorded score: its items are not available');
  return { evaluation: scoreAlone(split, recorded), isPartial: ranFull === false };
}

interface Folder {
  /** A report was written, which ends an evaluation. */
  readonly isFinished: boolean;
  readonly score: number;
  readonly n: number;
  readonly items: readonly EvaluationItem[];
}

const agrees = ({ score }: Folder, recorded: number) => Math.abs(score - recorded) < 1e-9;

const measured = (split: Split, score: number, { n, items }: Folder): Evaluation => ({
  ...{ status: 'measured', split, score, n },
  items: [...items],
});

function readFolder(tree: SourceTree, folder: string): Folder | null {
  const report = tree.readJson(`${folder}/report.json`);
  const items = readItems(tree, `${folder}/predictions.csv`);
  const mean = items.reduce((sum, i) => sum + (i.consequence.status === 'measured' ? i.consequence.score : 0), 0);
  if (report === null) {
    return items.length === 0 ? null : { isFinished: false, score: mean / items.length, n: items.length, items };
  }
  const { overall_accuracy: score, total } = report;
  if (typeof score !== 'number' || !Number.isFinite(score) || !Number.isSafeInteger(total) || (total as number) < 1) {
    tree.missing.add(`${folder}/report.json`, 'has no accuracy and number of items');
    return null;
  }
  const n = total as number;
  if (items.length === n) return { isFinished: true, score, n, items };
  tree.missing.add(
    `${folder}/predictions.csv`,
    items.length === 0
      ? 'is not there: items are not available'
      : `has ${items.length} items where the report has ${n}`,
  );
  return { isFinished: true, score, n, items: [] };
}

function readItems(tree: SourceTree, path: string): readonly EvaluationItem[] {
  const bytes = tree.read(path, maxPredictionBytes);
  if (bytes === null) return [];
  const rows = readColumns(bytes, ['Grading ID', 'Reward', 'prediction']);
  if (typeof rows === 'string') {
    tree.missing.add(path, rows);
    return [];
  }
  return rows.map(([id, truth, prediction]) => {
    const isRight = prediction!.trim().toLowerCase() === truth!.trim().toLowerCase();
    return importedItem(id!, isRight ? 1 : 0, { prediction: prediction!, expected: truth! });
  });
}
