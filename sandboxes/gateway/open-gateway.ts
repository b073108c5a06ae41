import { chmod } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import PQueue from 'p-queue';
import { Cleanup } from '../../src/core/cleanup.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { trackExchanges } from './exchanges.ts';
import { type Gateway, type GatewayOptions, type RefusalReason, refusalReasons } from './gateway.ts';
import { createLedger } from './ledger.ts';
import { type RouteDeps, route } from './routes.ts';

/** `sun_path` on Linux, less the closing zero. */
const maxSocketPathBytes = 107;
/** After so many bad requests a sandbox is flooding; its connections are dropped unread. */
const maxMalformed = 1_000;
const maxConnections = 1_024;

/**
 * Opens a gateway for one sandbox.
 *
 * @throws {SandboxUnavailableError} when the socket cannot be made: its path is too long, or `dir` is missing.
 */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const cleanup = new Cleanup();
  try {
    const socketPath = socketPathIn(options.dir);
    const exchanges = trackExchanges(options.signal, cleanup);
    const ledger = createLedger(options.limits, options.budget);
    const refusals = Object.fromEntries(refusalReasons.map((r) => [r, 0])) as Record<RefusalReason, number>;
    const failures: unknown[] = [];
    const deps: RouteDeps = {
      options,
      ledger,
      onRefused: (reason) => void (refusals[reason] += 1),
      onFailure: (error) => void failures.push(error),
      queue: new PQueue({ concurrency: options.limits.concurrency }),
    };
    const server = createServer((incoming, response) => {
      if (refusals.malformed > maxMalformed) return void incoming.socket.destroy();
      exchanges.start(response, (signal) => route(deps, response, signal));
    });
    // Each request on a connection listens for its end, and a sandbox may send many at once.
    server.on('connection', (socket) => void socket.setMaxListeners(0));
    await listen(server, socketPath, cleanup);
    return {
      socketPath,
      usage: () => ledger.usage(),
      refusals: () => ({ ...refusals }),
      failure: () => failures[0] ?? null,
      [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
    };
  } catch (error) {
    await cleanup[Symbol.asyncDispose]();
    throw error;
  }
}

let sockets = 0;

/** A name that no other gateway of this process has; the directory belongs to one process. */
function socketPathIn(dir: string): string {
  const path = join(dir, `s${String((sockets += 1)).padStart(6, '0')}`);
  const length = Buffer.byteLength(path);
  if (length > maxSocketPathBytes) {
    throw new SandboxUnavailableError(
      `the gateway's socket path would have ${length} bytes and a Unix socket allows ${maxSocketPathBytes}: ` +
        `use a shorter directory than ${dir}`,
      { details: { bytes: length, maxBytes: maxSocketPathBytes } },
    );
  }
  return path;
}

async function listen(server: Server, path: string, cleanup: Cleanup): Promise<void> {
  server.headersTimeout = 10_000;
  // A body may wait long for its turn; `readRequest` has a time limit of its own.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new SandboxUnavailableError(`cannot listen on ${path}`, { cause })));
    server.listen(path, resolve);
  });
  cleanup.defer(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  // The sandbox may run as another user; the directory keeps everybody else out.
  await chmod(path, 0o666);
}
