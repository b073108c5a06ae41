import type Docker from 'dockerode';
import type { RunId } from '../../src/core/ids.ts';
import { ask, isGone } from './engine.ts';
import { labelsOf } from './labels.ts';

/** Internal networks of the engine, each there for as long as a sandbox uses it. */
export interface Networks {
  /** @returns the name of the network in the engine, and what to call when the sandbox is gone. */
  join(run: RunId, name: string): Promise<{ readonly network: string; readonly leave: () => Promise<void> }>;
}

interface Shared {
  readonly made: Promise<Docker.Network>;
  readonly network: string;
  members: number;
}

export function createNetworks(engine: () => Promise<Docker>): Networks {
  const networks = new Map<string, Shared>();
  return {
    async join(run, name) {
      const key = JSON.stringify([run, name]);
      let shared = networks.get(key);
      if (shared === undefined) {
        const { label, labels } = labelsOf(run, null);
        shared = { made: makeNetwork(engine, label, labels), network: label, members: 0 };
        networks.set(key, shared);
      }
      const joined = shared;
      joined.members += 1;
      const leave = async () => {
        joined.members -= 1;
        if (joined.members > 0) return;
        if (networks.get(key) === joined) networks.delete(key);
        const network = await joined.made.catch(() => null);
        if (network !== null) await removeNetwork(network);
      };
      try {
        await joined.made;
      } catch (error) {
        await leave();
        throw error;
      }
      return { network: joined.network, leave };
    },
  };
}

async function makeNetwork(
  engine: () => Promise<Docker>,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<Docker.Network> {
  return ask(
    'the network of the sandbox could not be made',
    (await engine()).createNetwork({
      Name: name,
      Driver: 'bridge',
      Internal: true,
      EnableIPv6: false,
      // Without an address on its bridge the host is no member: nothing that listens on the host is reached.
      Options: { 'com.docker.network.bridge.inhibit_ipv4': 'true' },
      Labels: { ...labels },
    }),
  );
}

export async function removeNetwork(network: Docker.Network): Promise<void> {
  await ask('the network of a sandbox could not be removed', network.remove()).catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
}
