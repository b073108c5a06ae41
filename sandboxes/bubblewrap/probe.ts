import { describeError } from '../../src/core/errors.ts';
import { parseLineageId, parseRunId } from '../../src/core/ids.ts';
import type { ProviderStatus, SandboxProvider } from '../sandbox.ts';

const limits = { memoryMiB: 256, cpus: 1, pids: 64, diskMiB: 8 };

/** Tries what will be needed: a sandbox in which the runtime's own Node starts. */
export async function probeBubblewrap(provider: SandboxProvider, hasCgroups: () => boolean): Promise<ProviderStatus> {
  try {
    const never = new AbortController().signal;
    const spec = { run: parseRunId('probe'), owner: parseLineageId('probe'), files: new Map(), mounts: [] };
    await using sandbox = await provider.open({ ...spec, network: null, limits }, never);
    const end = await sandbox.exec(['node', '-e', ''], { signal: never, timeoutMs: 10_000, maxOutputBytes: 4_096 });
    if (end.exitCode !== 0) return unusable(`Node does not start inside: ${end.stderr.trim() || end.stoppedBy}`);
    const limited = hasCgroups()
      ? 'control groups limit memory and processes'
      : 'a watchdog limits memory and processes';
    return { usable: true, why: `Linux namespaces through bubblewrap; ${limited}`, fix: '' };
  } catch (error) {
    return unusable(describeError(error));
  }
}

function unusable(why: string): ProviderStatus {
  return { usable: false, why, fix: fixFor(why) };
}

function fixFor(why: string): string {
  if (/needs Linux/.test(why)) return 'use the docker provider on this system';
  if (/not installed/.test(why)) return 'apt-get install bubblewrap util-linux (or dnf, pacman, apk)';
  if (/unknown option/i.test(why)) return 'install bubblewrap 0.8 or newer';
  if (/namespace|uid map|Operation not permitted|Permission denied/i.test(why)) {
    return 'allow user namespaces: sysctl user.max_user_namespaces=15000, and kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0 where they exist; in a container, allow them in its seccomp profile';
  }
  return 'run `bwrap --unshare-all --ro-bind / / true` to see what this system refuses';
}
