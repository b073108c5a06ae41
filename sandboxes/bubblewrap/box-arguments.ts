import { existsSync } from 'node:fs';
import type { ReadOnlyMount } from '../sandbox.ts';
import { systemBinds } from './host-tools.ts';

/** Where things are inside. */
export const inside = {
  workspace: '/workspace',
  temporary: '/tmp',
  gateway: '/run/galapagos/gateway.sock',
} as const;

export interface BoxLayout {
  /** Host directory that the holder's volume is mounted on, in the holder's view. */
  readonly volume: string;
  /** Host directory with `passwd`, `group` and `hosts`. */
  readonly etc: string;
  readonly mounts: readonly ReadOnlyMount[];
  readonly gatewaySocket: string | null;
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
    ...systemBinds(),
    ...['passwd', 'group', 'hosts'].flatMap((name) => ['--ro-bind', `${box.etc}/${name}`, `/etc/${name}`]),
    ...procArguments(),
    ...['--dev', '/dev', '--bind', `${box.volume}/shm`, '/dev/shm'],
    ...['--bind', `${box.volume}/tmp`, inside.temporary],
    ...['--bind', `${box.volume}/workspace`, inside.workspace],
    ...box.mounts.flatMap(({ source, target }) => ['--ro-bind', source, `${inside.workspace}/${target}`]),
    ...(box.gatewaySocket === null ? [] : ['--ro-bind', box.gatewaySocket, inside.gateway]),
    // bubblewrap's own root and /dev are writable tmpfs without a size: a way past the disk limit.
    ...['--remount-ro', '/dev', '--remount-ro', '/', '--chdir', inside.workspace],
  ];
}

/** What tells of the host or changes it. Root's kernel identity could write settings even without a capability. */
const hidden = ['cmdline', 'config.gz', 'kallsyms', 'kcore', 'keys', 'key-users', 'kmsg', 'timer_list', 'sched_debug'];
const readOnly = ['bus', 'fs', 'irq', 'sys'];

function procArguments(): string[] {
  const present = (name: string) => existsSync(`/proc/${name}`);
  return [
    ...['--proc', '/proc'],
    ...readOnly.filter(present).flatMap((name) => ['--ro-bind', `/proc/${name}`, `/proc/${name}`]),
    ...[...hidden, 'sysrq-trigger'].filter(present).flatMap((name) => ['--ro-bind', '/dev/null', `/proc/${name}`]),
  ];
}
