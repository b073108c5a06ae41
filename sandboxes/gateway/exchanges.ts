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
      response.on('close', () => {
        if (!response.writableFinished) controller.abort(new DOMException('the client hung up', 'AbortError'));
      });
      const done = work(controller.signal).finally(() => running.delete(done));
      running.set(done, controller);
    },
  };
}
