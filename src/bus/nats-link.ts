import { type JetStreamClient, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import {
  connect,
  errors,
  type NatsConnection,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  type Subscription,
} from '@nats-io/transport-node';
import { raceAbort, sleep } from '../core/abort.ts';
import { BusClosedError, BusUnavailableError, describeError, GalapagosError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { NatsCredential } from './nats-authorization.ts';
import { isTransient } from './nats-errors.ts';
import { Outbox } from './outbox.ts';
import { manyMayWait, within } from './tally.ts';

/** How long the server may take to confirm that it sends no more. */
const drainMs = 2_000;

/** One connection to NATS that is restored for ever, until it is closed. */
export interface NatsLink {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly isConnected: boolean;
  /** Events on their way; flush it before anything that must not overtake them. */
  readonly outbox: Outbox;
  /** Aborts with BusClosedError when the link is closed. */
  readonly lifetime: AbortSignal;
  whenConnected(signal: AbortSignal): Promise<void>;
  /** @returns the function that takes the listener off again. */
  onReconnect(listener: () => void): () => void;
  /**
   * Runs an idempotent operation until the server answers it, over any number
   * of reconnects. @throws {BusUnavailableError} for a refusal that waiting
   * does not change; @throws {BusClosedError}; @throws the signal's reason.
   */
  persist<T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Ends a subscription after what the server has already sent; ends it at once while the server is away. */
  drain(sub: Subscription): Promise<void>;
  close(): Promise<void>;
}

/** @throws {BusUnavailableError} naming the URL and what to start, when there is no NATS with JetStream. */
export async function openNatsLink(
  servers: string,
  name: string,
  log: Logger,
  credential?: NatsCredential,
): Promise<NatsLink> {
  const nc = await dial(servers, name, credential);
  try {
    const jsm = await jetstreamManager(nc);
    return createLink(nc, jsm, log);
  } catch (cause) {
    await nc.close();
    throw new BusUnavailableError(
      `the NATS server at ${withoutSecrets(servers)} has no JetStream: start it with "nats-server -js -sd <folder>"`,
      { cause },
    );
  }
}

async function dial(servers: string, name: string, credential?: NatsCredential): Promise<NatsConnection> {
  try {
    return await connect({
      ...readServers(servers),
      ...(credential === undefined ? {} : { authenticator: nkeyAuthenticator(credential.seed()) }),
      name,
      timeout: 5_000,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 100,
      pingInterval: 10_000,
      noAsyncTraces: true,
    });
  } catch (cause) {
    const isRefused = cause instanceof errors.AuthorizationError;
    const why = isRefused
      ? 'refuses these credentials'
      : 'does not answer: start it with "nats-server -js -sd <folder>"';
    throw new BusUnavailableError(`the NATS server at ${withoutSecrets(servers)} ${why}`, { cause });
  }
}

/** `nats://user:password@host:4222, nats://other:4222`; the client itself ignores the user part. */
function readServers(servers: string): NodeConnectionOptions {
  const urls = servers.split(',').map((url) => url.trim());
  const user = /\/\/([^:@/]+)(?::([^@/]*))?@/.exec(urls[0] ?? '');
  const list = urls.map((url) => url.replace(/\/\/[^@/]*@/, '//'));
  if (user === null) return { servers: list };
  const [name, password] = [user[1], user[2]].map((part) => part && decodeURIComponent(part));
  return password === undefined ? { servers: list, token: name! } : { servers: list, user: name!, pass: password };
}

function withoutSecrets(servers: string): string {
  return servers.replace(/\/\/[^@/,]*@/g, '//');
}

function createLink(nc: NatsConnection, jsm: JetStreamManager, log: Logger): NatsLink {
  const life = new AbortController();
  const listeners = new Set<() => void>();
  let epoch = new AbortController();
  manyMayWait(life.signal);
  manyMayWait(epoch.signal);
  let isConnected = true;
  let wake: () => void = () => {};
  let connected: Promise<void> = Promise.resolve();

  const outbox = new Outbox(
    (subject, bytes) => nc.publish(subject, bytes),
    () => isConnected && !nc.isClosed() && !nc.isDraining(),
  );

  const onDown = (server: string) => {
    if (!isConnected) return;
    isConnected = false;
    connected = new Promise((resolve) => {
      wake = resolve;
    });
    epoch.abort(new BusUnavailableError(`the connection to ${server} was lost`));
    log.warn({ server }, 'connection to NATS lost; trying again until it is back');
  };
  const onUp = (server: string) => {
    if (isConnected) return;
    isConnected = true;
    outbox.flush();
    epoch = new AbortController();
    manyMayWait(epoch.signal);
    wake();
    log.warn({ server }, 'connection to NATS is back');
    for (const listener of [...listeners]) listener();
  };
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') onDown(status.server);
      if (status.type === 'reconnect') onUp(status.server);
      if (status.type === 'error') log.error({ err: status.error }, 'NATS reports an error');
    }
  })();

  const persist = async <T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    for (let tries = 0; ; tries += 1) {
      life.signal.throwIfAborted();
      await raceAbort(raceAbort(connected, signal), life.signal);
      const lost = epoch.signal;
      outbox.flush();
      try {
        return await raceAbort(raceAbort(raceAbort(operation(), lost), signal), life.signal);
      } catch (error) {
        signal.throwIfAborted();
        life.signal.throwIfAborted();
        if (!lost.aborted) await pauseAfter(error, tries, signal);
      }
    }
  };

  return {
    nc,
    js: jsm.jetstream(),
    jsm,
    outbox,
    get isConnected() {
      return isConnected;
    },
    lifetime: life.signal,
    whenConnected: (signal) => raceAbort(raceAbort(connected, signal), life.signal),
    onReconnect(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    persist,
    async drain(sub) {
      if (sub.isClosed()) return;
      outbox.flush();
      if (isConnected)
        await within(
          sub.drain().catch(() => {}),
          drainMs,
        );
      if (!sub.isClosed()) sub.unsubscribe();
    },
    async close() {
      outbox.flush();
      life.abort(new BusClosedError('the bus was closed'));
      if (isConnected)
        await within(
          nc.drain().catch(() => {}),
          2_000,
        );
      await nc.close();
    },
  };
}

async function pauseAfter(error: unknown, tries: number, signal: AbortSignal): Promise<void> {
  if (error instanceof GalapagosError) throw error;
  if (!isTransient(error)) {
    throw new BusUnavailableError(`NATS refuses: ${describeError(error)}`, { cause: error });
  }
  await sleep(Math.min(50 * 2 ** tries, 2_000), signal);
}
