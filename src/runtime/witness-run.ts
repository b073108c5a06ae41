import type { WitnessedGeneration, WitnessedRun } from '../analysis/run-events.ts';
import { type RunRecord, selectionScore } from '../analysis/run-record.ts';
import { showsOwnLineages } from '../core/config/arms.ts';
import { type FileTree, textOf } from '../core/file-tree.ts';
import { parseGenomeManifest } from '../core/genome.ts';
import type { Generation } from '../core/records.ts';
import { createFileGenomeStore } from '../lineage/genome-store.ts';
import type { Recorded } from './import/foreign-run.ts';
import { scanJournal } from './journal.ts';
import { runPaths } from './run-directory.ts';

/** Whether a run recorded what reached each generation. */
export function hasProvenance({ imported }: RunRecord): boolean {
  return imported?.notAvailable.includes('provenance') !== true;
}

/** A run as the published definitions look at it: with its code, and, of an imported one, with what its system recorded. */
export async function witnessRun(record: RunRecord): Promise<WitnessedRun> {
  const recorded = record.imported === undefined ? null : await readRecorded(record.dir);
  const genomes = createFileGenomeStore(runPaths(record.dir).genomes);
  const textOfGeneration = async (g: Generation): Promise<string | null> => {
    const tree = await genomes.get(g.genome);
    const path = record.imported?.taskFile ?? taskFileOf(tree);
    const file = path === null ? undefined : tree.get(path);
    return file === undefined ? null : textOf(file.bytes);
  };
  const lineages: WitnessedRun['lineages'][number][] = [];
  for (const { id, generations } of record.lineages) {
    const witnessed: WitnessedGeneration[] = [];
    for (const g of generations) {
      const said = recorded?.get(`${id}/${g.generation}`);
      witnessed.push({
        ...{ generation: g.generation, parent: g.parent, isPublished: g.published },
        score: said === undefined ? selectionScore(g) : said.selection,
        text: said?.hasFiles === false ? null : await textOfGeneration(g),
        readPeers: said === undefined ? readsOf(record, g) : said.readPeers,
        adopted: g.adoption && { lineage: g.adoption.from.lineage, generation: g.adoption.from.generation },
      });
    }
    lineages.push({ id, generations: witnessed.sort((a, b) => a.generation - b.generation) });
  }
  return { run: record.run, seed: record.imported?.hasNoSeed ? null : record.seed, lineages };
}

/** Of an arm that shows no peers there is nothing to neglect; generation 0 is not made by anybody. */
function readsOf({ arm }: RunRecord, { generation, reads }: Generation): boolean | null {
  if (generation === 0 || !showsOwnLineages(arm)) return null;
  return reads.some((read) => read.shareInModel > 0 || read.shareInTree > 0);
}

/** The file that the task's command runs. */
function taskFileOf(tree: FileTree): string | null {
  try {
    return parseGenomeManifest(tree).task.command.find((word) => tree.has(word)) ?? null;
  } catch {
    return null;
  }
}

async function readRecorded(dir: string): Promise<ReadonlyMap<string, Recorded>> {
  const recorded = new Map<string, Recorded>();
  await scanJournal(runPaths(dir).journal, (fact) => {
    if (fact.type === 'import.recorded') recorded.set(fact.key, fact.body as Recorded);
  });
  return recorded;
}
