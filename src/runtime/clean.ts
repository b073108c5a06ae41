import { builtInProviders } from '../../sandboxes/providers.ts';
import type { Leftovers, SandboxProvider } from '../../sandboxes/sandbox.ts';
import { describeError, SandboxUnavailableError } from '../core/errors.ts';
import { parseRunId } from '../core/ids.ts';
import { reapSystemDevices } from '../niches/storage/system-device.ts';
import { reapSockets } from './sandbox-access.ts';
import { reapLoopScratch } from './weights-loop/scratch.ts';

/** What processes that are dead left behind. A contract for scripts. */
export interface Cleaning {
  /** By who had made it, a sandbox provider, `gateway`, `storage` or `weights-loop`, and then by what it is. */
  readonly leftBehind: Readonly<Record<string, Leftovers>>;
  /** Whether it is gone now. */
  readonly isRemoved: boolean;
  /** Providers that cannot be asked on this machine, and why. */
  readonly notAsked: Readonly<Record<string, string>>;
}

export interface CleanOptions {
  /** Only what this run left. What is no sandbox's carries no run's name and stays then. */
  readonly run?: string;
  /** Removes nothing. */
  readonly dryRun?: boolean;
}

/**
 * Removes what killed runtimes left of sandboxes and gateways. What belongs to
 * a living process stays.
 * @throws {IdInvalidError}
 */
export async function clean({ run, dryRun = false }: CleanOptions = {}): Promise<Cleaning> {
  const id = run === undefined ? 'all' : parseRunId(run);
  const leftBehind: Record<string, Leftovers> = {};
  const notAsked: Record<string, string> = {};
  const ask = async (provider: SandboxProvider) => {
    try {
      leftBehind[provider.name] = await provider.reap(id, { dryRun });
    } catch (error) {
      if (!(error instanceof SandboxUnavailableError)) throw error;
      notAsked[provider.name] = describeError(error);
    } finally {
      await provider[Symbol.asyncDispose]();
    }
  };
  for (const provider of builtInProviders()) await ask(provider);
  if (id === 'all') {
    leftBehind.gateway = { 'socket directories': reapSockets({ dryRun }) };
    leftBehind.storage = { 'system devices': reapSystemDevices({ dryRun }) };
    leftBehind['weights-loop'] = { 'scratch directories': reapLoopScratch({ dryRun }) };
  }
  return { leftBehind, isRemoved: !dryRun, notAsked };
}
