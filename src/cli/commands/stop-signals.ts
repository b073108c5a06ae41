import type { Io } from '../io.ts';

/** A key press may arrive more than once: npm and shells pass on what the terminal has sent already. */
const repeatMs = 300;

export interface StopSignals {
  /** Aborts at the first request: runs stop at the end of their round. */
  readonly stopSoon: AbortSignal;
  /** Aborts at the second: everything stops at once. */
  readonly signal: AbortSignal;
  stopListening(): void;
}

/**
 * Turns Ctrl-C and SIGTERM into an orderly end. The first asks for it, the
 * second insists, and a third meets no handler: it ends the process.
 */
export function listenForStop(io: Io, onStop: (step: 'soon' | 'now') => void): StopSignals {
  const soon = new AbortController();
  const now = new AbortController();
  let lastMs = Number.NEGATIVE_INFINITY;
  const stopListening = io.onStopSignal(() => {
    const isRepeat = io.now() - lastMs < repeatMs;
    lastMs = io.now();
    if (isRepeat) return;
    if (!soon.signal.aborted) {
      onStop('soon');
      soon.abort();
    } else {
      stopListening();
      onStop('now');
      now.abort();
    }
  });
  return { stopSoon: soon.signal, signal: now.signal, stopListening };
}
