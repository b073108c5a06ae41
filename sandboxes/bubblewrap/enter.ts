import { release } from 'node:os';
import type { ProcessLimits } from '../process-limits.ts';
import type { HostTools } from './host-tools.ts';
import { inNetwork, type Network } from './networks.ts';

/** Joins the control groups and gives up what a candidate has no use for; then becomes the next program. */
const outerScript = `ulimit -c 0; ulimit -n "$1" || exit 125
[ -z "$2" ] || exec 4<"$2" || exit 125; shift 2
while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"`;

/** Inside the innermost user namespace, where the kernel counts a user's processes for that namespace alone. */
const innerScript = `{ ulimit -u "$1" || ulimit -p "$1"; } 2>/dev/null; ulimit -d "$2"; ulimit -t "$3"; shift 3; exec "$@"`;

const openFiles = 1_024;

export interface EnterOptions {
  readonly tools: HostTools;
  readonly holderPid: number;
  readonly network: Network | null;
  readonly joinFiles: readonly string[];
  /** File with the system-call filter, or `null` where there is none for this machine. */
  readonly filter: string | null;
  readonly box: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Set when control groups are missing: limits per process take their place. */
  readonly processLimits: (ProcessLimits & { readonly pids: number }) | null;
}

/** The arguments of `sh` that run `argv` inside the sandbox. Descriptor 3 receives bubblewrap's report. */
export function enterArguments(options: EnterOptions, argv: readonly string[]): string[] {
  const { tools, processLimits } = options;
  const limited =
    processLimits === null
      ? argv
      : ['/bin/sh', '-c', innerScript, 'limits', ...processLimitArguments(processLimits), ...argv];
  return [
    ...['-c', outerScript, 'enter', String(openFiles), options.filter ?? '', ...options.joinFiles, '--'],
    ...inNetwork(tools, options.network),
    ...[tools.nsenter, '--target', String(options.holderPid), '--user', '--preserve-credentials'],
    ...['--mount', '--pid', '--ipc', '--uts', ...(options.network === null ? ['--net'] : []), '--'],
    ...[tools.bwrap, ...options.box, '--json-status-fd', '3', ...(options.filter === null ? [] : ['--seccomp', '4'])],
    ...Object.entries(options.env).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--', ...limited],
  ];
}

function processLimitArguments({ pids, dataKiB, cpuSeconds }: ProcessLimits & { readonly pids: number }): string[] {
  const processes = countsPerNamespace() ? String(pids + 2) : 'unlimited';
  return [processes, String(dataKiB), String(cpuSeconds)];
}

/** Before Linux 5.14 the limit counts everything the user runs on the host: no use here, the watchdog must do. */
function countsPerNamespace(): boolean {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 14);
}
