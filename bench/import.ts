/**
 * What an import costs, as a ratio against plainly reading the same files:
 * a synthetic results tree of the hyperspace project, twenty runs of two
 * lineages. Memory is this process's largest resident set.
 *
 *   npm run bench -- import [--files=60000]
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importResults, randomStream } from '../src/index.ts';
import { report, speedOf } from './speed.ts';

const files = Number(process.argv.find((word) => word.startsWith('--files='))?.slice('--files='.length) ?? 60_000);
const runs = 20;
const lineages = ['claude', 'kimi-k2p5'];
const codeFiles = 12;
/** metadata.json, code, and a report and predictions of four evaluations. */
const filesEach = 1 + codeFiles + 8;
const generations = Math.ceil(files / (runs * lineages.length * filesEach));
const root = mkdtempSync(join(tmpdir(), 'gal-bench-'));
const megabytes = (bytes: number) => `${Math.round(bytes / 1_048_576)} MiB`;

try {
  const tree = join(root, 'results');
  const written = writeTree(tree);
  const read = await speedOf(written, () => readPlainly(tree));
  const before = process.resourceUsage().maxRSS;
  let largestHeap = 0;
  const imported = await speedOf(written, async () => {
    await importResults('hyperspace', tree, {
      out: join(root, 'runs'),
      onProgress: () => {
        largestHeap = Math.max(largestHeap, process.memoryUsage().heapUsed);
      },
    });
  });
  report(`${written} files: ${runs} runs, ${runs * lineages.length * generations} generations`, {
    'read plainly, one after another': read,
    imported,
  });
  console.log(
    `  ${(imported.ms / 1_000).toFixed(1)} s; largest resident set ${megabytes(process.resourceUsage().maxRSS * 1_024)}, ${megabytes(before * 1_024)} before; heap at most ${megabytes(largestHeap)}`,
  );
} finally {
  rmSync(root, { recursive: true });
}

function readPlainly(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) readPlainly(join(dir, entry.name));
    else readFileSync(join(dir, entry.name));
  }
}

/** @returns how many files. */
function writeTree(tree: string): number {
  let count = 0;
  const write = (dir: string, name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    count += 1;
  };
  for (let run = 0; run < runs; run += 1) {
    for (const lineage of lineages) {
      const stream = randomStream(run, 'import-bench', lineage);
      const code = Array.from({ length: codeFiles }, (_, i) => sourceFile(i, 80));
      for (let gen = 0; gen < generations; gen += 1) {
        const dir = join(tree, 'claude_vs_kimi-k2p5', `seed${run}`, lineage, `gen_${gen}`);
        // Two files change each time, as an agent edits two.
        for (const changed of [0, 1]) code[changed] = sourceFile(gen * 10 + changed, 120 + stream.int(200));
        const correct = stream.int(100);
        mkdirSync(join(dir, 'repo', 'agent'), { recursive: true });
        write(
          dir,
          'metadata.json',
          JSON.stringify({ valid: true, train_score: correct / 100, val_score: correct / 100 }),
        );
        for (const [i, text] of code.entries()) {
          write(join(dir, 'repo', i < 2 ? '' : 'agent'), i === 0 ? 'task_agent.py' : `part_${i}.py`, text);
        }
        for (const split of ['eval_train', 'eval_val']) {
          mkdirSync(join(dir, split, 'staged'), { recursive: true });
          writeEvaluation(write, join(dir, split), correct, 100);
          writeEvaluation(write, join(dir, split, 'staged'), Math.min(10, correct), 10);
        }
      }
    }
  }
  return count;
}

function sourceFile(seed: number, lines: number): string {
  return `${Array.from({ length: lines }, (_, i) => `value_${i} = compute(${seed}, ${i})  # step ${i}`).join('\n')}\n`;
}

function writeEvaluation(
  write: (dir: string, name: string, text: string) => void,
  dir: string,
  correct: number,
  n: number,
) {
  const labels =
    'Grading ID,Problem ID,Problem,Solution,Grading guidelines,Response,Points,Reward,Problem Source,prediction';
  const rows = Array.from({ length: n }, (_, i) => {
    const problem = `"Find all pairs, ""if any"",\nsuch that ${i} works; ${'and so on, '.repeat(20)}"`;
    return `GB-${i},PB-${i},${problem},solution,guide,answer,7,Correct,source,${i < correct ? 'correct' : 'partial'}`;
  });
  write(dir, 'report.json', JSON.stringify({ overall_accuracy: correct / n, total_correct: correct, total: n }));
  write(dir, 'predictions.csv', `${labels}\n${rows.join('\n')}\n`);
}
