import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/** Directories of programs that every command sees. */
const systemDirectories = ['/usr/local/bin', '/usr/bin', '/bin'];
/** What a command has of its own, or what nobody should show whole. */
const taken = ['/usr', '/nix/store', '/workspace', '/tmp', '/proc', '/dev', '/etc', '/run', '/sys', '/bin', '/lib'];

/**
 * The installation of the runtime's Python when commands would otherwise see none: that of the first `python3`
 * on the runtime's own path, such as pyenv's or conda's. Asks the interpreter, which takes 20 to 200 ms.
 * @param system - Where commands look first.
 * @returns its prefix, or `null` when the system has a Python, there is none, or its prefix holds more than Python.
 */
export function findPython(system: readonly string[] = systemDirectories): string | null {
  if (system.some((directory) => existsSync(join(directory, 'python3')))) return null;
  try {
    const prefix = execFileSync('python3', ['-I', '-c', 'import sys; print(sys.base_prefix)'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 10_000,
    }).trim();
    return isPythonAlone(prefix) ? prefix : null;
  } catch {
    return null;
  }
}

/** Whether a directory may be shown whole: an installation of its own, and not somebody's home or a system directory. */
export function isPythonAlone(prefix: string): boolean {
  if (!isAbsolute(prefix) || resolve(prefix) !== prefix) return false;
  const holds = (path: string) => path === prefix || path.startsWith(`${prefix}/`);
  const isBelow = (path: string) => prefix === path || prefix.startsWith(`${path}/`);
  if (prefix.split('/').length < 3 || holds(homedir()) || taken.some(isBelow)) return false;
  return existsSync(join(prefix, 'bin', 'python3'));
}
