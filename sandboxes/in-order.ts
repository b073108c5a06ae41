import { SandboxUnavailableError } from '../src/core/errors.ts';

/** Does one thing at a time, so that files are only touched while nothing runs. */
export interface InOrder {
  /** @throws {SandboxUnavailableError} when closed, also while waiting. */
  run<T>(work: () => Promise<T>): Promise<T>;
  isOpen(): boolean;
  close(): void;
  /** Resolves when nothing runs any more. */
  settled(): Promise<void>;
}

/** @param isAlive - Whether what the work needs still exists. */
export function inOrder(isAlive: () => boolean = () => true): InOrder {
  let last: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  return {
    run<T>(work: () => Promise<T>): Promise<T> {
      const next = last.then(() => {
        if (isClosed) throw new SandboxUnavailableError('the sandbox was disposed of');
        if (!isAlive()) throw new SandboxUnavailableError('the sandbox is gone: something outside ended it');
        return work();
      });
      last = next.catch(() => {});
      return next;
    },
    isOpen: () => !isClosed,
    close: () => {
      isClosed = true;
    },
    settled: () => last.then(() => {}),
  };
}
