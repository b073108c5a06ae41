/** A program for the tests: writes generations with notes until somebody kills it. `<dir> <count per checkpoint>` */
import { join } from 'node:path';
import { createFileGenomeStore } from '../../src/lineage/genome-store.ts';
import { openGitLineage } from '../../src/lineage/git-lineage.ts';
import { writeGeneration } from './generations.ts';

const [dir, perCheckpoint] = [process.argv[2]!, Number(process.argv[3])];
const genomes = createFileGenomeStore(join(dir, 'genomes'));
const lineage = await openGitLineage({ dir: join(dir, 'lineage'), genomes });
for (let n = 0; ; n += 1) {
  const commit = await writeGeneration(lineage, genomes, n);
  if (n % perCheckpoint === perCheckpoint - 1) await lineage.checkpoint();
  process.stdout.write(`${commit}\n`);
}
