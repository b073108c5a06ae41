import type { ServerResponse } from 'node:http';
import type { Cleanup } from '../../src/core/cleanup.ts';

export interface Exchanges {
  /** Runs one exchange under a signal that ends with the connection, the gateway or the run. */
  start(response: ServerResponse, work: (signal: AbortSignal) => Promise<void>): void;
}

/** At clean-up every exchange is cancelled and waited for. */
export function trackExchanges(parent: AbortSignal, cleanup: Cleanup): Exchanges {
  const running = new Map<Promise<void>, AbortController>();
  const stop = (reason: unknown) => {
    for (const controller of running.values()) controller.abort(reason);
  };
  const follow = () => stop(parent.reason);
  parent.addEventListener('abort', follow);
  cleanup.defer(async () => {
    parent.removeEventListener('abort', follow);
    stop(new DOMException('the gateway was closed', 'AbortError'));
    await Promise.all(running.keys());
  });
  return {
    start(response, work) {
      const controller = new AbortController();
      if (parent.aborted) controller.abort(parent.reason);
      const { socket } = response.req;
      const onClosed = () => controller.abort(new DOMException('the client hung up', 'AbortError'));
      // Not the response's own end: one that waits behind another on its connection is told of none.
      socket.once('close', onClosed);
      const done = work(controller.signal).finally(() => {
        socket.off('close', onClosed);
        running.delete(done);
      });
      running.set(done, controller);
    },
  };
}
