import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type FileTree, textFile } from '../../src/core/file-tree.ts';
import { type CommitId, type GenomeId, type LineageId, parseLineageId } from '../../src/core/ids.ts';
import type { GenerationCommit, GenomeStore, Lineage } from '../../src/lineage/lineage.ts';

export const alice = parseLineageId('alice');
export const bob = parseLineageId('bob');

/** A generation with everything filled in but what a test is about. */
export function generation(genome: GenomeId, changes: Partial<GenerationCommit> = {}): GenerationCommit {
  const n = changes.generation ?? 0;
  return {
    lineage: alice,
    generation: n,
    genome,
    parent: null,
    adopted: null,
    subject: `Try idea ${n}`,
    trailers: [
      ['Generation', String(n)],
      ['Model', 'scripted'],
    ],
    seconds: 1_700_000_000 + n,
    isPromoted: false,
    isBest: false,
    ...changes,
  };
}

/** A genome of a few files of which one differs by `n`. */
export function genomeFiles(n: number): FileTree {
  return new Map([
    ['genome.json', textFile('{"task":{"command":["node","task.js"]},"meta":{"command":["node","meta.js"]}}\n')],
    ['meta.js', textFile('// edits the genome\n', true)],
    ['prompts/task.md', textFile('Solve the task.\n')],
    ['task.js', textFile(`console.log(${n});\n`)],
  ]);
}

/** A chain of generations, each promoted; the ids of its commits. */
export async function commitChain(
  lineage: Lineage,
  genomes: GenomeStore,
  options: { readonly of?: LineageId; readonly count: number },
): Promise<CommitId[]> {
  const commits: CommitId[] = [];
  for (let n = 0; n < options.count; n += 1) {
    const genome = await genomes.put(genomeFiles(n));
    const parent = commits.at(-1) ?? null;
    commits.push(
      await lineage.commit(
        generation(genome, {
          lineage: options.of ?? alice,
          generation: n,
          parent,
          isPromoted: true,
          isBest: n % 2 === 0,
        }),
      ),
    );
  }
  return commits;
}

/**
 * The nth generation of alice, adopting from bob now and then, and its note:
 * a pure function of `n`, so that a replay must give the same hashes.
 */
export async function writeGeneration(lineage: Lineage, genomes: GenomeStore, n: number): Promise<CommitId> {
  const tips = writtenTo.get(lineage) ?? { alice: null, bob: null };
  writtenTo.set(lineage, tips);
  const of = n % 4 === 3 ? bob : alice;
  const commit = await lineage.commit(
    generation(await genomes.put(genomeFiles(n)), {
      ...{ lineage: of, generation: n, parent: tips[of === bob ? 'bob' : 'alice'] },
      ...{ adopted: n % 8 === 4 ? tips.bob : null, isPromoted: n % 3 !== 1, isBest: n % 5 === 0 },
    }),
  );
  tips[of === bob ? 'bob' : 'alice'] = commit;
  await lineage.annotate([{ commit, note: { score: n / 100, n } }], 1_700_000_000 + n);
  return commit;
}

const writtenTo = new WeakMap<Lineage, { alice: CommitId | null; bob: CommitId | null }>();

/** A directory that is gone when the test is over. */
export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'galapagos-lineage-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}
