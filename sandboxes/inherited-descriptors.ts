import { openSync, readdirSync, readFileSync } from 'node:fs';

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

let devNull: number | null = null;

/**
 * Extends a `stdio` list so that inherited descriptors are `/dev/null` in the
 * child. Found once: later ones are Node's and closed on exec.
 */
export function withoutInherited(stdio: readonly ('pipe' | 'ignore')[]): ('pipe' | 'ignore' | number)[] {
  cached ??= inheritedDescriptors();
  const out: ('pipe' | 'ignore' | number)[] = [...stdio];
  for (const fd of cached) {
    if (fd < stdio.length) continue;
    while (out.length < fd) out.push('ignore');
    out[fd] = devNull ??= openSync('/dev/null', 'r');
  }
  return out;
}
