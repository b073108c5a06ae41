import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { Ceiling } from '../../sandboxes/ceiling.ts';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { createPool } from '../../sandboxes/pool.ts';
import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import { createLogger } from '../../src/core/log.ts';
import { type Counter, sandboxSuite } from '../conformance/sandbox.suite.ts';

/** The provider behind a warm pool, disposed of with it. */
function pooled(provider: SandboxProvider): SandboxProvider {
  const limits = { sandboxes: 32, memoryMiB: 1_000_000, minFreeMemoryMiB: 0 };
  const pool = createPool({ provider, warm: 2, ceiling: new Ceiling(), limits, log: createLogger({}) });
  return {
    ...pool,
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
      await provider[Symbol.asyncDispose]();
    },
  };
}

const ofProcess: readonly Counter[] = process.platform === 'linux' ? ['cpuMs', 'bytesWritten'] : [];
const cases = [[createDockerProvider], [createBubblewrapProvider], [createProcessProvider, ofProcess]] as const;

for (const [create, counters] of cases) {
  const provider = create();
  const { usable, why, fix } = await provider.probe();
  const missing = usable ? null : `${why}; ${fix}`;
  sandboxSuite(`pooled ${provider.name}`, () => pooled(create()), missing, counters);
}
