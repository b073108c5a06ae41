import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommitId } from '../../src/core/ids.ts';
import { openAdapterStore } from '../../src/lineage/adapter-store.ts';
import { createFileGenomeStore } from '../../src/lineage/genome-store.ts';
import { openGitLineage } from '../../src/lineage/git-lineage.ts';
import { generation, genomeFiles } from './generations.ts';

/** 40,000 bytes that are no text, a function of `n`. */
export const weightsOf = (n: number) => Buffer.from(Array.from({ length: 40_000 }, (_, i) => (i * 31 + n * 7) % 251));

/** What a trainer leaves behind: a pure function of `n`. @returns the directory. */
export function writeAdapterFiles(root: string, n: number): string {
  const directory = join(root, `adapter-${n}`);
  mkdirSync(directory, { recursive: true });
  const files = {
    'adapter_config.json': '{ "peft_type": "LORA", "r": 4 }\n',
    'adapter_model.safetensors': weightsOf(n),
    'optimizer.safetensors': weightsOf(n + 100),
    'replay.jsonl': `{"completion":"rm","prompt":"disk ${n}"}\n`,
    'provenance.json': `{ "dataset": { "sha256": "${n}" }, "curve": [] }\n`,
    'trainer_state.json': 'of no use to anybody',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

/** A run's stores below `dir`. */
export async function openRun(dir: string) {
  const genomes = createFileGenomeStore(join(dir, 'genomes'));
  const lineage = await openGitLineage({ dir: join(dir, 'lineage'), genomes });
  const adapters = openAdapterStore({ dir: join(dir, 'lineage'), genomes });
  let parent: CommitId | null = null;
  return {
    ...{ genomes, lineage, adapters },
    /** The nth generation: the same genome as ever, and new weights from generation 1 on. */
    async writeTrained(n: number): Promise<CommitId> {
      const stored = n === 0 ? null : await adapters.put(writeAdapterFiles(join(dir, 'trained'), n));
      const trailers = stored === null ? [] : [['Adapter', `sha256:${stored.id}`] as const];
      const weights = stored === null ? {} : { adapter: stored.tree };
      const genome = await genomes.put(genomeFiles(1));
      parent = await lineage.commit(
        generation(genome, { generation: n, parent, isPromoted: true, trailers, ...weights }),
      );
      return parent;
    },
  };
}
