import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contains } from '../../markspace/scope.ts';
import { type NatsCredential, type NatsGuest, natsAuthorization } from '../bus/nats-authorization.ts';
import { spawnNatsServer } from '../bus/nats-server.ts';
import { markspaceSettings } from './markspace/settings.ts';
import type { RunManifest } from './run-directory.ts';
import { lockRun } from './run-lock.ts';

/** A NATS server that runs use. */
export interface Broker extends AsyncDisposable {
  readonly url: string;
  /** The runtime's; `null` for a server of the user's own, whose rules are its own, too. */
  readonly credential: NatsCredential | null;
}

export function foreignBroker(url: string): Broker {
  return { url, credential: null, [Symbol.asyncDispose]: async () => {} };
}

/**
 * Starts a server for these runs that ends with this process; what it stores
 * stays. Every lineage has an account there, with which the server itself
 * refuses what the guard would. Its key, of this start alone, lies in
 * `<dir>/nats/keys/`, for an agent of the lineage in another process.
 * @throws {PrerequisiteMissingError} when there is no server to start.
 * @throws {RunLockedError} when another process uses what it stored.
 */
export async function spawnBroker(dir: string, runs: readonly RunRights[]): Promise<Broker> {
  const storeDir = join(dir, 'nats');
  mkdirSync(join(storeDir, 'keys'), { recursive: true, mode: 0o700 });
  const lock = lockRun(storeDir);
  try {
    const { config, runtime, guests } = authorize(runs);
    for (const { run, lineage, credential } of guests) {
      writeFileSync(join(storeDir, 'keys', `${run}.${lineage}.nk`), credential.seed(), { mode: 0o600 });
    }
    const server = await spawnNatsServer({ storeDir, config });
    return {
      url: server.url,
      credential: runtime,
      async [Symbol.asyncDispose]() {
        await server.stop();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

type RunRights = Pick<RunManifest, 'run' | 'config' | 'arm'>;

/** A server's configuration for these runs, and the keys that go with it. */
export function authorize(runs: readonly RunRights[]) {
  const guests = runs.flatMap(guestsOf);
  const authorization = natsAuthorization(guests);
  return { ...authorization, guests: guests.map((guest, i) => ({ ...guest, credential: authorization.guests[i]! })) };
}

/** Each lineage may watch the scopes whose content it may read. */
function guestsOf(manifest: RunRights): NatsGuest[] {
  const { lineages, members, policy, scopes } = markspaceSettings(manifest).space;
  const closed = scopes.filter(({ visibility = 'open' }) => visibility !== 'open').map(({ path }) => path);
  // A right to watch covers everything below, so an open scope with a closed one in it is not given.
  const isOpenBelow = (path: string) => !closed.some((other) => contains(path, other) || contains(other, path));
  const open = scopes.map(({ path }) => path).filter(isOpenBelow);
  return lineages.map(({ id }) => {
    const given = members
      .find((member) => member.id === id)
      ?.grants.filter(({ read }) => read)
      .map(({ scope }) => scope);
    const reads = [`strategies/${id}`, `lineages/${id}`, ...policy.openScopes, ...open, ...(given ?? [])];
    return { run: manifest.run, lineage: id, reads: [...new Set(reads)] };
  });
}
