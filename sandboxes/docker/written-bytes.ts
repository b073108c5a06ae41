import { readdirSync, readFileSync } from 'node:fs';

/**
 * The kernel adds a dead child's count to the parent that waits for it, so
 * what a process has beyond its own threads came from its children.
 * @returns bytes handed to write calls by children that have ended and been
 *   waited for; `null` where only root may know, or while the process itself
 *   writes so much that its own share cannot be told.
 */
export function writtenByChildrenOf(pid: number): number | null {
  for (let tries = 0; tries < 20; tries += 1) {
    const all = written(`/proc/${pid}`);
    const own = writtenByThreadsOf(pid);
    if (all === null || own === null) return null;
    // Its own threads may write while they are being looked at.
    if (written(`/proc/${pid}`) === all) return all - own;
  }
  return null;
}

function writtenByThreadsOf(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce<number | null>((total, thread) => {
      const bytes = written(`/proc/${pid}/task/${thread}`);
      return total === null || bytes === null ? null : total + bytes;
    }, 0);
  } catch {
    return null;
  }
}

/** @param proc - Directory of a process or thread below `/proc`. */
export function written(proc: string): number | null {
  const bytes = /^wchar: (\d+)$/m.exec(readOrEmpty(`${proc}/io`))?.[1];
  return bytes === undefined ? null : Number(bytes);
}

export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
