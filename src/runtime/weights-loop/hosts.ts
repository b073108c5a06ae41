import { chooseProvider } from '../../../sandboxes/choose-provider.ts';
import { builtInProviders } from '../../../sandboxes/providers.ts';
import type { OpenSandbox } from '../../../sandboxes/sandbox.ts';
import { parseLineageId, parseRunId } from '../../core/ids.ts';
import { openWorldHost, type WorldHost } from '../../niches/storage/world-host.ts';

/** Sandboxes in which worlds are built one after another, gone with this. */
export interface Standing extends AsyncDisposable {
  readonly hosts: readonly WorldHost[];
}

/**
 * @param commands - Of a world's life, at most.
 * @throws {SandboxUnavailableError} without bubblewrap.
 */
export async function openHosts(count: number, commands: number, signal: AbortSignal): Promise<Standing> {
  const { provider } = await chooseProvider('bubblewrap', builtInProviders());
  const label = { run: parseRunId('weights-loop'), owner: parseLineageId('loop'), network: null };
  const open: OpenSandbox = (spec, abort) => provider.open({ ...label, ...spec }, abort);
  const hosts: WorldHost[] = [];
  const close = async () => {
    for (const host of hosts) await host[Symbol.asyncDispose]();
  };
  try {
    while (hosts.length < count) hosts.push(await openWorldHost({ open, commands, signal }));
  } catch (error) {
    await close();
    throw error;
  }
  return { hosts, [Symbol.asyncDispose]: close };
}
