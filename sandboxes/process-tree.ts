import { readdirSync, readFileSync } from 'node:fs';

/** A process and its descendants, without those whose parent has gone. */
export function treeOf(pid: number): string[] {
  const found = [String(pid)];
  for (const at of found) found.push(...childrenOf(at));
  return found;
}

/** Children belong to the thread that started them. */
export function childrenOf(pid: number | string): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readOrEmpty(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean),
    );
  } catch {
    return []; // Ended meanwhile, or a kernel without these files.
  }
}

/** Kills at once whoever of them still lives, or sends another signal. */
export function kill(pids: readonly string[], signal: NodeJS.Signals = 'SIGKILL'): void {
  for (const pid of pids) {
    try {
      process.kill(Number(pid), signal);
    } catch {
      // Ended meanwhile.
    }
  }
}

/** A file of a process, empty when the process has ended. */
export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Before the next look: mostly it is a matter of microseconds, which a timer would turn into milliseconds. */
export function soon(looks: number): Promise<void> {
  return new Promise((resolve) => void (looks < 10 ? setImmediate(resolve) : setTimeout(resolve, 1)));
}
