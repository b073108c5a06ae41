import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { natsNames } from '../../src/bus/nats-names.ts';
import { findNatsServer, type NatsServer, spawnNatsServer } from '../../src/bus/nats-server.ts';
import type { RunId } from '../../src/core/ids.ts';

const binary = await findNatsServer(process.env.NATS_SERVER_BIN);

/** Why tests cannot use NATS here, or `null` when they can. */
export const natsMissing = binary === null ? 'no nats-server binary found; install it or set NATS_SERVER_BIN' : null;

export interface OwnNatsServer extends NatsServer, AsyncDisposable {
  readonly storeDir: string;
  /** Takes away all it has stored. Stop it first. */
  empty(): Promise<void>;
}

/** A NATS server of a test's own, on a free loopback port, with a store that goes with it. */
export async function openNatsServer(config?: string): Promise<OwnNatsServer> {
  const storeDir = await mkdtemp(join(tmpdir(), 'galapagos-nats-'));
  const server = await spawnNatsServer({
    binary: binary ?? 'nats-server',
    storeDir,
    ...(config === undefined ? {} : { config }),
  });
  return Object.assign(server, {
    storeDir,
    empty: () => rm(join(storeDir, 'jetstream'), { recursive: true, force: true }),
    async [Symbol.asyncDispose]() {
      await server.stop();
      await rm(storeDir, { recursive: true, force: true });
    },
  });
}

/** A NATS server without JetStream, as somebody might have started it. */
export async function openPlainNatsServer(): Promise<{ readonly url: string } & Disposable> {
  const child = spawn(binary ?? 'nats-server', ['-a', '127.0.0.1', '-p', '-1'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const line of createInterface({ input: child.stderr })) {
    const port = /client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port !== undefined)
      return { url: `nats://127.0.0.1:${port}`, [Symbol.dispose]: () => void child.kill('SIGKILL') };
  }
  throw new Error('nats-server ended before it listened');
}

/** How many jobs of a run lie on a server, waiting or in hand. */
export async function jobsOnServer(url: string, run: RunId): Promise<number> {
  const nc = await connect({ servers: url });
  try {
    const { state } = await (await jetstreamManager(nc)).streams.info(natsNames(run).jobsStream);
    return state.messages;
  } finally {
    await nc.close();
  }
}
