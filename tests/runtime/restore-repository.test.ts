import { mkdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SimulatedClock } from '../../src/core/clock.ts';
import { LineageCorruptError } from '../../src/core/errors.ts';
import { createLogger } from '../../src/core/log.ts';
import { createMemoryGenomeStore } from '../../src/lineage/genome-store.ts';
import { createMemoryLineage } from '../../src/lineage/memory-lineage.ts';
import { openJournal } from '../../src/runtime/journal.ts';
import { hasRepository, restoreRepository } from '../../src/runtime/restore-repository.ts';
import { runPaths } from '../../src/runtime/run-directory.ts';
import { RunState } from '../../src/runtime/run-state.ts';
import { generationOf } from '../actors/samples.ts';
import { manifest } from './run-sample.ts';
import { scratch } from './scratch.ts';

it('says that a repository whose weights went with it cannot be written again, and what to do', async () => {
  const dir = await scratch();
  mkdirSync(dir, { recursive: true });
  const state = new RunState(manifest);
  const options = { clock: new SimulatedClock(0), onFact: state.apply.bind(state) };
  await using journal = await openJournal(runPaths(dir).journal, options);
  await journal.append('round.opened', '0', { round: 0, snapshot: [] });
  await journal.append('lineage.finished', 'alice/0', { generation: generationOf(0), stop: null });
  await journal.append('lineage.checkpointed', '0', { round: 0 });
  const lineage = {
    ...createMemoryLineage({ genomes: createMemoryGenomeStore() }),
    commit: () => Promise.reject(new LineageCorruptError('adapter_model.safetensors of the adapter is missing')),
  };
  const log = createLogger({ level: 'silent' });
  const restored = restoreRepository(lineage, state, {
    ...{ dir, manifest, wasThere: hasRepository(dir), secondsOf: () => 0, log },
  });
  await expect(restored).rejects.toMatchObject({
    code: 'LINEAGE_CORRUPT',
    message: expect.stringContaining('adapter_model.safetensors'),
    details: { next: expect.stringContaining('from a copy') },
  });
});
