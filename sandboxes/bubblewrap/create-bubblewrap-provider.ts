import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '../../src/core/cleanup.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { checkSpec } from '../check-spec.ts';
import { placeTree } from '../place-tree.ts';
import type { Sandbox, SandboxProvider, SandboxSpec } from '../sandbox.ts';
import { labelFor, makeScratch, reapScratch, scratchRoot } from '../scratch.ts';
import { boxArguments } from './box-arguments.ts';
import { bubblewrapSandbox } from './bubblewrap-sandbox.ts';
import { type CgroupHome, createCgroup, findCgroupHome, reapCgroups } from './cgroups.ts';
import { startHolder } from './holder.ts';
import { findHostTools, type HostTools } from './host-tools.ts';
import { probeBubblewrap } from './probe.ts';

export interface BubblewrapOptions {
  /** Where scratch directories are made. Default: a private directory below the system's temporary one. */
  readonly scratchDir?: string;
  /** `auto` uses control groups where they can be written; `never` relies on the watchdog. Default `auto`. */
  readonly cgroups?: 'auto' | 'never';
}

interface Workshop {
  readonly tools: HostTools;
  readonly scratch: string;
  readonly cgroups: CgroupHome | null;
}

/** Linux namespaces through bubblewrap. Works as root and as an ordinary user. @see sandboxes/README.md */
export function createBubblewrapProvider(options: BubblewrapOptions = {}): SandboxProvider {
  let workshop: Workshop | null = null;
  const open = new Set<Sandbox>();
  const prepare = () => (workshop ??= prepareWorkshop(options));
  const provider: SandboxProvider = {
    name: 'bubblewrap',
    isolation: 'namespaces',
    gaps: [],
    probe: () => probeBubblewrap(provider, () => prepare().cgroups !== null),
    async open(spec, signal) {
      const sandbox = await openSandbox(prepare(), spec, signal, (gone) => open.delete(gone()));
      open.add(sandbox);
      return sandbox;
    },
    async reap(run) {
      const { scratch, cgroups } = prepare();
      const groups = cgroups === null ? 0 : await reapCgroups(cgroups, run);
      return groups + reapScratch(scratch, run);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    },
  };
  return provider;
}

function prepareWorkshop(options: BubblewrapOptions): Workshop {
  if (process.platform !== 'linux') throw new SandboxUnavailableError('bubblewrap needs Linux');
  const tools = findHostTools();
  if (!('bwrap' in tools)) throw new SandboxUnavailableError(`not installed: ${tools.join(', ')}`);
  return {
    tools,
    scratch: scratchRoot(options.scratchDir, 'bubblewrap'),
    cgroups: options.cgroups === 'never' ? null : findCgroupHome(),
  };
}

async function openSandbox(
  workshop: Workshop,
  spec: SandboxSpec,
  signal: AbortSignal,
  onGone: (sandbox: () => Sandbox) => void,
): Promise<Sandbox> {
  checkSpec(spec);
  if (signal.aborted) {
    throw new SandboxUnavailableError('opening the sandbox was cancelled', { cause: signal.reason });
  }
  const cleanup = new Cleanup();
  try {
    const id = labelFor(spec.run);
    const scratch = makeScratch(workshop.scratch, id);
    cleanup.defer(() => rmSync(scratch, { recursive: true, force: true }));
    const etc = writeEtc(join(scratch, 'etc'));
    const volume = join(scratch, 'volume');
    mkdirSync(volume);
    const cgroup = workshop.cgroups === null ? null : createCgroup(workshop.cgroups, id, spec.limits);
    if (cgroup !== null) cleanup.defer(() => cgroup.remove());
    const holder = await startHolder(workshop.tools, volume, spec.limits.diskMiB, signal);
    cleanup.defer(() => holder.kill());
    fillWorkspace(`${holder.volume}/workspace`, spec);
    const box = boxArguments({ volume, etc, mounts: spec.mounts, gatewaySocket: spec.gatewaySocket });
    const sandbox: Sandbox = bubblewrapSandbox({
      ...{ id, spec, tools: workshop.tools, holder, cgroup, box },
      release: () => {
        onGone(() => sandbox);
        return cleanup[Symbol.asyncDispose]();
      },
    });
    return sandbox;
  } catch (error) {
    await cleanup[Symbol.asyncDispose]();
    throw error;
  }
}

function fillWorkspace(workspace: string, spec: SandboxSpec): void {
  const targets = spec.mounts.map(({ target }) => target);
  placeTree(workspace, spec.files, new Set(targets));
  for (const target of targets) mkdirSync(join(workspace, target), { mode: 0o755 });
}

/** Enough for programs that ask who they are; nothing of the host's. */
function writeEtc(etc: string): string {
  mkdirSync(etc);
  writeFileSync(join(etc, 'passwd'), 'agent:x:1000:1000:agent:/tmp:/bin/sh\n');
  writeFileSync(join(etc, 'group'), 'agent:x:1000:\n');
  writeFileSync(join(etc, 'hosts'), '127.0.0.1 localhost\n::1 localhost\n');
  return etc;
}
