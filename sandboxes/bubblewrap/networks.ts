import { join } from 'node:path';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import type { RunId } from '../../src/core/ids.ts';
import { labelFor } from '../scratch.ts';
import type { HostTools } from './host-tools.ts';
import { type Keeper, startKeeper } from './keeper.ts';

/** A network namespace that sandboxes share. It has a loopback and nothing else, so its members meet there. */
export interface Network {
  /** A process in it. */
  readonly pid: number;
  leave(): Promise<void>;
}

/** Internal networks by run and name, each there for as long as a sandbox uses it. */
export class Networks {
  readonly #tools: HostTools;
  readonly #scratch: string;
  readonly #shared = new Map<string, { readonly keeper: Promise<Keeper>; members: number }>();

  /** @param scratch - Where the provider keeps its things; a network is found again by it. */
  constructor(tools: HostTools, scratch: string) {
    this.#tools = tools;
    this.#scratch = scratch;
  }

  async join(run: RunId, name: string): Promise<Network> {
    const key = JSON.stringify([run, name]);
    const shared = this.#shared.get(key) ?? { keeper: startKeeper(this.#command(run)), members: 0 };
    this.#shared.set(key, shared);
    shared.members += 1;
    const leave = async () => {
      shared.members -= 1;
      if (shared.members > 0) return;
      if (this.#shared.get(key) === shared) this.#shared.delete(key);
      await (await shared.keeper).kill();
    };
    try {
      const { pid, isAlive } = await shared.keeper;
      if (!isAlive()) throw new SandboxUnavailableError(`the network ${name} is gone: something outside ended it`);
      return { pid, leave };
    } catch (error) {
      await leave().catch(() => {});
      throw error;
    }
  }

  #command(run: RunId): string[] {
    const { bwrap, sh } = this.#tools;
    return [
      ...[bwrap, '--unshare-user', '--unshare-net', '--uid', '0', '--gid', '0', '--die-with-parent', '--new-session'],
      ...[
        '--dev-bind',
        '/',
        '/',
        '--info-fd',
        '3',
        '--',
        sh,
        '-c',
        'echo ready && exec cat >/dev/null',
        join(this.#scratch, labelFor(run)),
      ],
    ];
  }
}

/** Goes into a network before the rest of the command line: bubblewrap, or another way in, for namespaces below it. */
export function inNetwork(tools: HostTools, network: Network | null): string[] {
  if (network === null) return [];
  return [tools.nsenter, '--target', String(network.pid), '--user', '--net', '--preserve-credentials', '--'];
}
