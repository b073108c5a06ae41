import { chmodSync, closeSync, constants, openSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { SandboxUnavailableError } from '../../src/core/errors.ts';

/** The name of the socket in a relay's directory. */
export const relaySocket = 'gateway.sock';
/** As many as the gateway itself takes; the rest is closed at once. */
const maxConnections = 1_024;

/**
 * Puts a socket into a directory that a sandbox has mounted, and passes on
 * what arrives there. The gateway's own socket stays where it is: what is
 * mounted cannot change later, and a container's user may not open it.
 */
export interface GatewayRelay extends AsyncDisposable {}

/**
 * For Linux.
 * @param directory - Private on the host, so that only this sandbox's commands come this far.
 * @throws {SandboxUnavailableError}
 */
export async function startRelay(directory: string, target: string): Promise<GatewayRelay> {
  // By its descriptor, because the path of a socket may have 107 bytes.
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const path = `/proc/self/fd/${fd}/${relaySocket}`;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (peer) => {
    const gateway = createConnection({ path: target, allowHalfOpen: true });
    for (const socket of [peer, gateway]) {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    }
    // Whoever breaks off takes the other side along; neither is an error of ours.
    const end = () => {};
    pipeline(peer, gateway, end);
    pipeline(gateway, peer, end);
  });
  server.maxConnections = maxConnections;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    chmodSync(path, 0o666);
  } catch (cause) {
    closeSync(fd);
    throw new SandboxUnavailableError('the gateway cannot be offered to the sandbox', { cause });
  }
  server.unref();
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      closeSync(fd);
      rmSync(join(directory, relaySocket), { force: true });
    },
  };
}
