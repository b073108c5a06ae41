import { watch } from 'node:fs';
import type { MarkEntry, MarkFilter, RunMarks } from './marks.ts';
import { runPaths } from './run-directory.ts';

/** How often it is asked whether the process that runs the run is alive: its death changes no file. */
const aliveCheckMs = 1_000;

/**
 * The run's marks from the first on, and then each new one as it is written,
 * until the run ends, whichever way, or the signal aborts.
 */
export async function* followMarks(
  marks: RunMarks,
  filter: MarkFilter,
  signal: AbortSignal,
): AsyncGenerator<MarkEntry> {
  let wake = () => {};
  let hasChanged = true;
  const change = () => {
    hasChanged = true;
    wake();
  };
  const watcher = watch(runPaths(marks.dir).markspace, change);
  const timer = setInterval(() => marks.isRunning || change(), aliveCheckMs);
  signal.addEventListener('abort', change);
  try {
    let nextOrder = 0;
    for (;;) {
      // What is written between the last look and the end is read once more.
      const isOver = signal.aborted || !marks.isRunning;
      hasChanged = false;
      await marks.refresh();
      for (const entry of marks.entries({ ...filter, sinceOrder: nextOrder })) yield entry;
      nextOrder = marks.nextOrder;
      if (isOver) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (hasChanged) resolve();
      });
    }
  } finally {
    watcher.close();
    clearInterval(timer);
    signal.removeEventListener('abort', change);
  }
}
