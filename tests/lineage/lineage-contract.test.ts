import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createMemoryGenomeStore } from '../../src/lineage/genome-store.ts';
import { openGitLineage } from '../../src/lineage/git-lineage.ts';
import { openGitReader } from '../../src/lineage/git-reader.ts';
import { createMemoryLineage } from '../../src/lineage/memory-lineage.ts';
import { lineageSuite } from '../conformance/lineage.suite.ts';
import { commitChain, tempDir } from './generations.ts';

async function openGit() {
  const dir = join(await tempDir(), 'lineage');
  const genomes = createMemoryGenomeStore();
  const lineage = await openGitLineage({ dir, genomes });
  return { lineage, genomes, ...openGitReader(dir) };
}

async function openMemory() {
  const genomes = createMemoryGenomeStore();
  const lineage = createMemoryLineage({ genomes });
  return { lineage, genomes, log: () => lineage.log(), tree: lineage.tree };
}

lineageSuite('memory', openMemory);
lineageSuite('git', openGit);

it('gives the same commit ids in memory as in git', async () => {
  const memory = await openMemory();
  const git = await openGit();
  await using _ = git.lineage;
  const ids = await commitChain(memory.lineage, memory.genomes, { count: 5 });
  expect(await commitChain(git.lineage, git.genomes, { count: 5 })).toEqual(ids);
});
