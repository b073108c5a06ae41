import { Fifo } from './fifo.ts';
import { Tally } from './tally.ts';

/**
 * What stands between a publisher and one subscriber: handles items one at a
 * time, in order, and drops the newest when too many wait.
 */
export interface Mailbox<T> {
  push(item: T): void;
  readonly dropped: number;
  /** Takes nothing more; resolves when what waits has been handled. */
  close(): Promise<void>;
}

/** @param onError - Told what the handler threw; the next item is handled all the same. */
export function createMailbox<T>(
  handle: (item: T) => void | Promise<void>,
  maxPending: number,
  onError: (error: unknown) => void,
): Mailbox<T> {
  const waiting = new Fifo<T>();
  const running = new Tally();
  let isClosed = false;
  let dropped = 0;

  const pump = async () => {
    while (waiting.length > 0) {
      try {
        const pending = handle(waiting.shift()!);
        if (pending !== undefined) await pending;
      } catch (error) {
        onError(error);
      }
    }
    running.leave();
  };

  return {
    push(item) {
      if (isClosed) return;
      if (waiting.length >= maxPending) {
        dropped += 1;
        return;
      }
      waiting.push(item);
      if (running.count > 0) return;
      running.enter();
      queueMicrotask(pump);
    },
    get dropped() {
      return dropped;
    },
    close() {
      isClosed = true;
      return running.idle();
    },
  };
}
