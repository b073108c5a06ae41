import { existsSync } from 'node:fs';
import type { ReadOnlyMount, WritablePlace } from '../sandbox.ts';
import { systemBinds } from './host-tools.ts';

/** Where things are inside. */
export const inside = {
  workspace: '/workspace',
  temporary: '/tmp',
  gateway: '/run/galapagos',
} as const;

export interface BoxLayout {
  /** Host directory that the holder's volume is mounted on, in the holder's view. */
  readonly volume: string;
  /** Host directory with `passwd`, `group` and `hosts`. */
  readonly etc: string;
  /** Host directory where a relay's socket is while there is a gateway. */
  readonly gateway: string;
  readonly mounts: readonly ReadOnlyMount[];
  /** Prefix of a Python installation that the system directories do not hold, or `null`. */
  readonly python: string | null;
}

/** The places that `boxArguments` binds writable, all on one volume. */
export function writablePlaces(volume: string): WritablePlace[] {
  return [
    { inside: inside.workspace, outside: `${volume}/workspace` },
    { inside: inside.temporary, outside: `${volume}/tmp` },
    { inside: '/dev/shm', outside: `${volume}/shm` },
  ];
}

/**
 * The whole of what a command can see and do, in one place. Runs inside the
 * holder's namespaces; every mount made outside the command's own user
 * namespace is locked in it, so nothing inside can undo one.
 */
export function boxArguments(box: BoxLayout): string[] {
  return [
    ...['--unshare-user', '--uid', '1000', '--gid', '1000', '--disable-userns'],
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--hostname', 'sandbox'],
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv'],
    ...systemBinds(box.python),
    ...['passwd', 'group', 'hosts'].flatMap((name) => ['--ro-bind', `${box.etc}/${name}`, `/etc/${name}`]),
    ...procArguments(),
    ...['--dev', '/dev', '--bind', `${box.volume}/shm`, '/dev/shm'],
    ...['--bind', `${box.volume}/tmp`, inside.temporary],
    ...['--bind', `${box.volume}/workspace`, inside.workspace],
    ...box.mounts.flatMap(({ source, target }) => ['--ro-bind', source, `${inside.workspace}/${target}`]),
    ...['--ro-bind', box.gateway, inside.gateway],
    // bubblewrap's own root and /dev are writable tmpfs without a size: a way past the disk limit.
    ...['--remount-ro', '/dev', '--remount-ro', '/', '--chdir', inside.workspace],
  ];
}

/**
 * An ordinary user's candidate is kept from these by their modes. For root's, whose kernel
 * identity owns them, the modes are no wall. Only what is needed: each mount costs 0.1 ms.
 */
const hiddenForRoot = ['kcore', 'keys', 'kmsg', 'kpageflags', 'slabinfo', 'timer_list'];

function procArguments(): string[] {
  const hidden = ['cmdline', ...(process.getuid?.() === 0 ? hiddenForRoot : [])];
  const present = hidden.filter((name) => existsSync(`/proc/${name}`));
  return [
    ...['--proc', '/proc', '--remount-ro', '/proc'],
    ...present.flatMap((name) => ['--ro-bind', '/dev/null', `/proc/${name}`]),
  ];
}
