/** Timers count in 31 bits, and one that overflows fires at once: longer waits end here, after 24.8 days. */
const longestTimerMs = 2 ** 31 - 1;

/** A signal with an end of its own. Dispose it, or its parent keeps a listener. */
export interface Deadline {
  readonly signal: AbortSignal;
  [Symbol.dispose](): void;
}

/**
 * A time limit tied to a longer-lived signal.
 *
 * Not `AbortSignal.any` (composites of a long-lived signal are retained on
 * Node 20) and not `AbortSignal.timeout` (fake timers cannot move it).
 */
export function deadline(parent: AbortSignal, timeoutMs: number): Deadline {
  const controller = new AbortController();
  const follow = () => controller.abort(parent.reason);
  if (parent.aborted) follow();
  parent.addEventListener('abort', follow, { once: true });
  const timer = setTimeout(
    () => controller.abort(new DOMException(`no result in ${timeoutMs} ms`, 'TimeoutError')),
    Math.min(timeoutMs, longestTimerMs),
  );
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent.removeEventListener('abort', follow);
    },
  };
}

/**
 * Tells `listener` once, when the first of the signals aborts, or at once when
 * one has. Dispose it, or long-lived signals keep the listener.
 */
export function onAbort(signals: readonly AbortSignal[], listener: (reason: unknown) => void): Disposable {
  const stopListening = () => {
    for (const signal of signals) signal.removeEventListener('abort', tell);
  };
  const tell = () => {
    stopListening();
    listener(signals.find((signal) => signal.aborted)?.reason);
  };
  if (signals.some((signal) => signal.aborted)) tell();
  else for (const signal of signals) signal.addEventListener('abort', tell, { once: true });
  return { [Symbol.dispose]: stopListening };
}

/** Rejects as soon as `signal` aborts, and otherwise settles as `work` does. */
export function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    // Settled by nobody else then; without a listener its failure would end the process.
    if (signal.aborted) work.catch(() => {});
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Waits `ms` milliseconds or until `signal` aborts; an abort rejects with its reason. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', stop);
        resolve();
      },
      Math.min(ms, longestTimerMs),
    );
    signal.addEventListener('abort', stop, { once: true });
  });
}
