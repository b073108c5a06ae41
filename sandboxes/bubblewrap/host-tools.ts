import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

const toolDirectories = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin', '/run/current-system/sw/bin'];
/** What the trusted helpers outside the sandbox get: nothing of the runtime's own environment. */
export const helperEnv = { PATH: toolDirectories.join(':'), LANG: 'C' } as const;

export interface HostTools {
  readonly bwrap: string;
  readonly nsenter: string;
  readonly mount: string;
  readonly sh: string;
}

/** @returns the tools, or the names of the missing ones. */
export function findHostTools(): HostTools | readonly string[] {
  const find = (name: string) => toolDirectories.map((path) => join(path, name)).find(isExecutable);
  const [bwrap, nsenter, mount, sh] = ['bwrap', 'nsenter', 'mount', 'sh'].map(find);
  if (bwrap !== undefined && nsenter !== undefined && mount !== undefined && sh !== undefined) {
    return { bwrap: realpathSync(bwrap), nsenter, mount, sh };
  }
  const packages = { bubblewrap: bwrap, 'util-linux': nsenter ?? mount, sh };
  return Object.entries(packages).flatMap(([name, path]) => (path === undefined ? [name] : []));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Read-only system directories, as bubblewrap options. Nothing of a home directory, `/etc` or `/var`.
 * @param python - A Python installation outside of them, shown at its own path.
 */
export function systemBinds(python: string | null): string[] {
  const options: string[] = ['--ro-bind', '/usr', '/usr'];
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
    if (!existsSync(`/${name}`)) continue;
    const real = realpathSync(`/${name}`);
    if (real === `/usr/${name}`) options.push('--symlink', `usr/${name}`, `/${name}`);
    else options.push('--ro-bind', real, `/${name}`);
  }
  if (existsSync('/nix/store')) options.push('--ro-bind', '/nix/store', '/nix/store');
  // Where libraries and alternatives are found; the rest of /etc stays outside.
  for (const path of ['/etc/ld.so.cache', '/etc/alternatives']) options.push('--ro-bind-try', path, path);
  options.push(...nodeBinds());
  if (python !== null) options.push('--ro-bind', python, python);
  return options;
}

/** Only the executable itself when it lies outside `/usr`: its directory may be somebody's home. */
function nodeBinds(): string[] {
  const node = realpathSync(process.execPath);
  return node.startsWith('/usr/') || node.startsWith('/nix/store/') ? [] : ['--ro-bind', node, '/opt/node/bin/node'];
}

/** Where programs are looked for inside. The runtime's own Node comes first, wherever it lies; Python's last. */
export function sandboxPath(python: string | null): string {
  const node = realpathSync(process.execPath);
  const usual = ['/usr/local/bin', '/usr/bin', '/bin'];
  const last = python === null ? [] : [`${python}/bin`];
  const own =
    node.startsWith('/usr/') || node.startsWith('/nix/store/') ? node.slice(0, -'/node'.length) : '/opt/node/bin';
  return [...(usual.includes(own) ? [] : [own]), ...usual, ...last].join(':');
}
