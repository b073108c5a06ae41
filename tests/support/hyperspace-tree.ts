import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a published evaluation says, as the data beside the checkout have it. */
export interface PublishedEvaluation {
  readonly acc: number;
  readonly mae: number;
  readonly n: number;
}

/** A generation of a results tree, by the keys of `hyperspace_generations.jsonl`. */
export interface TreeGeneration {
  readonly gen: number;
  readonly valid?: boolean;
  readonly train_score?: number;
  readonly val_score?: number;
  readonly error?: string;
  readonly is_initial?: boolean;
  readonly parent?: number | null;
  readonly forked_from?: number;
  readonly run_full_eval?: boolean;
  readonly tournament?: boolean;
  readonly winner?: string;
  readonly blind_score?: number | null;
  readonly directed_score?: number | null;
  /** Code; without it, a text that stands for `task_agent.sha1`, or no `repo/` where that is absent too. */
  readonly code?: string;
  readonly task_agent?: { readonly sha1: string; readonly lines: number };
  readonly meta_agent?: { readonly sha1: string };
  readonly eval_train?: PublishedEvaluation;
  readonly eval_train_staged?: PublishedEvaluation;
  readonly eval_val?: PublishedEvaluation;
  readonly eval_val_staged?: PublishedEvaluation;
}

const metadataKeys = [
  ...['parent', 'forked_from', 'valid', 'train_score', 'val_score', 'error', 'is_initial', 'run_full_eval'],
  ...['tournament', 'winner', 'blind_score', 'directed_score'],
] as const;

export function writeFile(path: string, text: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Writes an agent's directory as that project does; `dir` is `<A>_vs_<B>/seed<N>/<agent>` or `arm_<x>/seed<N>`. */
export function writeAgent(dir: string, generations: readonly TreeGeneration[]): void {
  for (const generation of generations) writeGeneration(join(dir, `gen_${generation.gen}`), generation);
}

export function writeGeneration(dir: string, generation: TreeGeneration): void {
  const metadata = Object.fromEntries(
    metadataKeys.flatMap((key) => {
      const value = (generation as unknown as Record<string, unknown>)[key];
      return value === undefined ? [] : [[key, value]];
    }),
  );
  writeFile(join(dir, 'metadata.json'), JSON.stringify(metadata, null, 2));
  const code = generation.code ?? standIn(generation);
  if (code !== null) {
    writeFile(join(dir, 'repo', 'task_agent.py'), code);
    writeFile(join(dir, 'repo', 'meta_agent.py'), `# meta agent ${generation.meta_agent?.sha1 ?? 'initial'}\n`);
    writeFile(join(dir, 'repo', 'agent', 'agentic_loop.py'), 'def run():\n    return None\n');
  }
  writeEvaluation(join(dir, 'eval_train'), generation.eval_train);
  writeEvaluation(join(dir, 'eval_train', 'staged'), generation.eval_train_staged);
  writeEvaluation(join(dir, 'eval_val'), generation.eval_val);
  writeEvaluation(join(dir, 'eval_val', 'staged'), generation.eval_val_staged);
}

const standIn = ({ task_agent: agent }: TreeGeneration) =>
  agent === undefined
    ? null
    : `${Array.from({ length: agent.lines }, (_, i) => `line ${i} of ${agent.sha1}`).join('\n')}\n`;

/** A report and the predictions that give it, as the evaluation harness writes them. */
export function writeEvaluation(dir: string, evaluation: PublishedEvaluation | undefined): void {
  if (evaluation === undefined) return;
  const { acc, mae, n } = evaluation;
  const correct = Math.round(acc * n);
  writeFile(
    join(dir, 'report.json'),
    JSON.stringify({ overall_accuracy: acc, normalized_mean_absolute_error: mae, total_correct: correct, total: n }),
  );
  const rows = Array.from({ length: n }, (_, i) => {
    const problem = `"Find all pairs $(a, b)$, ""if any"",\nsuch that ${i} works."`;
    return `GB-${String(i).padStart(4, '0')},PB-${i},${problem},solution,guide,answer,7,Correct,source,${i < correct ? 'correct' : 'Partial'}`;
  });
  writeFile(join(dir, 'predictions.csv'), `${csvHeader}\n${rows.join('\n')}\n`);
}

export const csvHeader =
  'Grading ID,Problem ID,Problem,Solution,Grading guidelines,Response,Points,Reward,Problem Source,prediction';
