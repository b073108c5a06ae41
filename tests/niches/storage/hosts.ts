import { type it, onTestFinished, vi } from 'vitest';
import { createBubblewrapProvider } from '../../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import type { OpenSandbox, SandboxProvider } from '../../../sandboxes/sandbox.ts';
import { parseLineageId, parseRunId } from '../../../src/core/ids.ts';
import { openWorldHost, type WorldHost, type WorldHostOptions } from '../../../src/niches/storage/world-host.ts';
import { itNeeds } from '../../support/require-service.ts';

// Hundreds of commands are executed for real, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const status = await createBubblewrapProvider().probe();
/** A provider that shows its volumes to the host. */
export const itNeedsVolumes: typeof it | typeof it.skip = itNeeds(
  'bubblewrap',
  status.usable ? null : `${status.why}; ${status.fix}`,
);

export const never: AbortSignal = new AbortController().signal;

export function openerOf(provider: SandboxProvider): OpenSandbox {
  const label = { run: parseRunId('storage'), owner: parseLineageId('a') };
  return (spec, signal) => provider.open({ ...label, network: null, ...spec }, signal);
}

/** A standing world, gone at the end of the test. */
export async function hostForTest(change: Partial<WorldHostOptions> = {}): Promise<WorldHost> {
  const host = await openWorldHost({ open: openerOf(createBubblewrapProvider()), signal: never, ...change });
  onTestFinished(() => host[Symbol.asyncDispose]());
  return host;
}
