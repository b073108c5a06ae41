import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const closeOnExec = 0o2000000;
let cached: readonly number[] | null = null;

/**
 * Descriptors above 2 that every child of this process would inherit. Node
 * opens its own with close-on-exec, so these came from whoever started us: a
 * lock, a pipe, a log. A candidate must not get them.
 */
function inheritedDescriptors(): readonly number[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => fd > 2 && isInherited(fd));
}

function isInherited(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch {
    return false;
  }
}

export interface AloneOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Descriptors 0 to so many less one are pipes to us. */
  readonly pipes: number;
}

/**
 * Starts a process group whose only descriptors are pipes to us. An inherited
 * descriptor is a closed pipe there, and `/dev/null` is not used: to the kernel
 * root's candidate owns that file of the host and could change its mode.
 */
export function spawnAlone(file: string, args: readonly string[], options: AloneOptions): ChildProcess {
  // Found once: later ones are Node's and closed on exec.
  cached ??= inheritedDescriptors();
  const stdio: ('pipe' | 'ignore')[] = Array(options.pipes).fill('pipe');
  for (const fd of cached) {
    while (stdio.length < fd) stdio.push('ignore');
    stdio[fd] = 'pipe';
  }
  const { env, cwd } = options;
  const child = spawn(file, args, { env, detached: true, stdio, ...(cwd === undefined ? {} : { cwd }) });
  for (const stream of child.stdio.slice(options.pipes)) stream?.destroy();
  return child;
}
