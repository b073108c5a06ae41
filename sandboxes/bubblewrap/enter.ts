import { release } from 'node:os';
import type { SandboxLimits } from '../sandbox.ts';
import type { HostTools } from './host-tools.ts';

/** Joins the control groups and gives up what a candidate has no use for; then becomes the next program. */
const outerScript = `ulimit -c 0; ulimit -n "$1" || exit 125; shift
while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"`;

/** Inside the innermost user namespace, where the kernel counts a user's processes for that namespace alone. */
const innerScript = `{ ulimit -u "$1" || ulimit -p "$1"; } 2>/dev/null; ulimit -d "$2"; shift 2; exec "$@"`;

const openFiles = 1_024;
/** Stacks of Node's helper threads and its code count as data, though they are hardly touched. */
const dataHeadroomMiB = 512;

export interface EnterOptions {
  readonly tools: HostTools;
  readonly holderPid: number;
  readonly joinFiles: readonly string[];
  readonly box: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Set when control groups are missing: limits per process take their place. */
  readonly processLimits: SandboxLimits | null;
}

/** The arguments of `sh` that run `argv` inside the sandbox. Descriptor 3 receives bubblewrap's report. */
export function enterArguments(options: EnterOptions, argv: readonly string[]): string[] {
  const { tools, processLimits } = options;
  const limited =
    processLimits === null
      ? argv
      : ['/bin/sh', '-c', innerScript, 'limits', ...processLimitArguments(processLimits), ...argv];
  return [
    ...['-c', outerScript, 'enter', String(openFiles), ...options.joinFiles, '--'],
    ...[tools.nsenter, '--target', String(options.holderPid), '--user', '--preserve-credentials'],
    ...['--mount', '--pid', '--net', '--ipc', '--uts', '--'],
    ...[tools.bwrap, ...options.box, '--json-status-fd', '3'],
    ...Object.entries(options.env).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--', ...limited],
  ];
}

function processLimitArguments(limits: SandboxLimits): string[] {
  const processes = countsPerNamespace() ? String(limits.pids + 2) : 'unlimited';
  return [processes, String((limits.memoryMiB + dataHeadroomMiB) * 1024)];
}

/** Before Linux 5.14 the limit counts everything the user runs on the host: no use here, the watchdog must do. */
function countsPerNamespace(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}
