import type Docker from 'dockerode';
import { parseLineageId, parseRunId } from '../../src/core/ids.ts';
import type { ProviderStatus, SandboxProvider } from '../sandbox.ts';
import { ask } from './engine.ts';
import type { ImageFacts } from './inspect-image.ts';

const limits = { memoryMiB: 256, cpus: 1, pids: 64, diskMiB: 8 };
const tooMuch = 41;
const half = (limits.diskMiB / 2) * 2 ** 20;
/** An engine or a runtime may take a limit and forget about it. */
const trial = `{ head -c ${half} /dev/zero > full && head -c ${half} /dev/zero > /tmp/full; } 2>/dev/null && exit ${tooMuch}
rm -f full /tmp/full; exec node -e ''`;

/** What the provider knows, or learns by asking. */
export interface Known {
  readonly engine: () => Promise<Docker>;
  readonly image: () => Promise<ImageFacts>;
  readonly isPodman: () => Promise<boolean>;
  readonly hasOwnKernel: () => boolean;
}

/** Looks for what will be needed, in the order in which it can be missing, and then tries it. */
export async function probeDocker(provider: SandboxProvider, known: Known): Promise<ProviderStatus> {
  let info: EngineInfo;
  try {
    info = (await ask('the engine cannot be used', (await known.engine()).info())) as EngineInfo;
  } catch (error) {
    return refused(error);
  }
  const unlimited = missingLimits(info);
  if (unlimited.length > 0) {
    return {
      usable: false,
      why: `the engine cannot limit ${unlimited.join(' and ')}`,
      fix: 'use an engine with control groups: as root, or rootless with control groups version 2 delegated',
    };
  }
  try {
    await known.image();
  } catch (error) {
    return refused(error);
  }
  return tryOut(provider, info, known);
}

interface EngineInfo {
  readonly ServerVersion: string;
  readonly MemoryLimit: boolean;
  readonly PidsLimit: boolean;
  readonly CPUCfsQuota?: boolean;
  readonly CpuCfsQuota?: boolean;
  readonly SecurityOptions?: readonly string[] | null;
}

function missingLimits(info: EngineInfo): string[] {
  const has = { memory: info.MemoryLimit, processes: info.PidsLimit, processors: info.CpuCfsQuota ?? info.CPUCfsQuota };
  return Object.entries(has).flatMap(([name, isThere]) => (isThere === false ? [name] : []));
}

/** A message of ours may name its remedy already. */
function refused(error: unknown): ProviderStatus {
  const message = error instanceof Error ? error.message : String(error);
  const [why, fix] = message.split('; to fix it: ');
  return { usable: false, why: why!, fix: fix ?? '`docker info` shows the state of the engine' };
}

async function tryOut(provider: SandboxProvider, info: EngineInfo, known: Known): Promise<ProviderStatus> {
  try {
    const never = new AbortController().signal;
    const spec = { run: parseRunId('probe'), owner: parseLineageId('probe'), files: new Map(), mounts: [] };
    await using sandbox = await provider.open({ ...spec, network: null, limits }, never);
    const options = { signal: never, timeoutMs: 20_000, maxOutputBytes: 4_096 };
    const end = await sandbox.exec(['sh', '-c', trial], options);
    if (end.exitCode === tooMuch) {
      const fix = 'use another runtime, or a newer one';
      return { usable: false, why: 'more can be written than the limit allows: the runtime ignores it', fix };
    }
    if (end.exitCode !== 0) {
      const why = `Node does not start inside: ${end.stderr.trim() || end.stoppedBy}`;
      return { usable: false, why, fix: 'npx galapagos sandbox build' };
    }
    const isFiltered = info.SecurityOptions?.some((option) => option.includes('seccomp')) === true;
    const filter = isFiltered ? 'system calls are filtered' : 'NO system-call filter: the engine lacks seccomp';
    const kernel = known.hasOwnKernel() ? '; in a kernel of its own, which does NOT limit processes' : '';
    const podman = await known.isPodman();
    const engine = `${podman ? 'Podman' : 'engine'} ${info.ServerVersion}`;
    const network = podman ? '; they share no network' : '';
    return { usable: true, why: `containers of ${engine}; ${filter}${kernel}${network}`, fix: '' };
  } catch (error) {
    return refused(error);
  }
}
