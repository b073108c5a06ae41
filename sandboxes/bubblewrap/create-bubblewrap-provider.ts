import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '../../src/core/cleanup.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { checkSpec, throwIfCancelled } from '../check-spec.ts';
import { placeTree } from '../place-tree.ts';
import type { Sandbox, SandboxGap, SandboxProvider, SandboxSpec } from '../sandbox.ts';
import { labelFor, makeScratch, reapScratch, scratchRoot } from '../scratch.ts';
import { boxArguments } from './box-arguments.ts';
import { bubblewrapSandbox } from './bubblewrap-sandbox.ts';
import { type CgroupHome, createCgroup, findCgroupHome, reapCgroups } from './cgroups.ts';
import { startHolder } from './holder.ts';
import { findHostTools, type HostTools } from './host-tools.ts';
import { reapKeepers } from './keeper.ts';
import { Networks } from './networks.ts';
import { probeBubblewrap } from './probe.ts';
import { findPython } from './python.ts';
import { systemCallFilter } from './system-calls.ts';

export interface BubblewrapOptions {
  /** Where scratch directories are made. Default: a private directory below the system's temporary one. */
  readonly scratchDir?: string;
  /** `auto` uses control groups where they can be written; `never` relies on the watchdog. Default `auto`. */
  readonly cgroups?: 'auto' | 'never';
  /**
   * Prefix of a Python installation to show at its own path. Default: that of the runtime's own Python when the
   * system directories have none.
   */
  readonly python?: string;
}

interface Workshop {
  readonly tools: HostTools;
  readonly scratch: string;
  readonly filter: Uint8Array | null;
  readonly cgroups: CgroupHome | null;
  readonly networks: Networks;
  readonly python: string | null;
}

/** Linux namespaces through bubblewrap. Works as root and as an ordinary user. @see sandboxes/README.md */
export function createBubblewrapProvider(options: BubblewrapOptions = {}): SandboxProvider {
  let workshop: Workshop | null = null;
  const open = new Set<Sandbox>();
  let home: CgroupHome | null | undefined;
  const cgroups = () => {
    if (home === undefined) home = options.cgroups === 'never' ? null : findCgroupHome();
    return home;
  };
  const filter = systemCallFilter(process.arch);
  const prepare = () => (workshop ??= prepareWorkshop(options, cgroups(), filter));
  const provider: SandboxProvider = {
    name: 'bubblewrap',
    isolation: 'namespaces',
    showsVolumes: true,
    get gaps() {
      return gapsOf(cgroups() !== null, filter !== null);
    },
    probe: () => probeBubblewrap(provider, () => cgroups() !== null),
    async open(spec, signal) {
      const sandbox = await openSandbox(prepare(), spec, signal, (gone) => open.delete(gone()));
      open.add(sandbox);
      return sandbox;
    },
    async reap(run, options) {
      const { scratch, cgroups, tools } = prepare();
      return {
        processes: reapKeepers(tools.bwrap, scratch, run, options),
        'control groups': cgroups === null ? 0 : await reapCgroups(cgroups, run, options),
        'scratch directories': reapScratch(scratch, run, options),
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    },
  };
  return provider;
}

function gapsOf(hasCgroups: boolean, hasFilter: boolean): SandboxGap[] {
  const gaps: SandboxGap[] = [];
  // A watchdog sees what processes have mapped; only a control group counts the rest.
  if (!hasCgroups) gaps.push('unmapped-memory');
  if (!hasFilter) gaps.push('system-call-filter');
  return gaps;
}

function prepareWorkshop(options: BubblewrapOptions, cgroups: CgroupHome | null, filter: Uint8Array | null): Workshop {
  if (process.platform !== 'linux') throw new SandboxUnavailableError('bubblewrap needs Linux');
  const tools = findHostTools();
  if (!('bwrap' in tools)) throw new SandboxUnavailableError(`not installed: ${tools.join(', ')}`);
  const scratch = scratchRoot(options.scratchDir, 'bubblewrap');
  return {
    tools,
    scratch,
    filter,
    cgroups,
    networks: new Networks(tools, scratch),
    python: options.python ?? findPython(),
  };
}

async function openSandbox(
  workshop: Workshop,
  spec: SandboxSpec,
  signal: AbortSignal,
  onGone: (sandbox: () => Sandbox) => void,
): Promise<Sandbox> {
  checkSpec(spec);
  throwIfCancelled(signal);
  const cleanup = new Cleanup();
  try {
    const id = labelFor(spec.run);
    const scratch = makeScratch(workshop.scratch, id);
    cleanup.defer(() => rmSync(scratch, { recursive: true, force: true }));
    const etc = writeEtc(join(scratch, 'etc'));
    const filter = workshop.filter === null ? null : join(scratch, 'system-calls');
    if (filter !== null) writeFileSync(filter, workshop.filter!);
    const volume = join(scratch, 'volume');
    const gateway = join(scratch, 'gateway');
    for (const path of [volume, gateway]) mkdirSync(path);
    const cgroup = workshop.cgroups === null ? null : createCgroup(workshop.cgroups, id, spec.limits);
    if (cgroup !== null) cleanup.defer(() => cgroup.remove());
    const network = spec.network === null ? null : await workshop.networks.join(spec.run, spec.network);
    if (network !== null) cleanup.defer(network.leave);
    const holder = await startHolder(workshop.tools, scratch, spec.limits.diskMiB, network);
    cleanup.defer(() => holder.kill());
    // Not earlier: without process 1's number a half-made sandbox cannot be killed for sure.
    throwIfCancelled(signal);
    fillWorkspace(`${holder.volume}/workspace`, spec);
    const { python, tools } = workshop;
    const box = boxArguments({ volume, etc, gateway, mounts: spec.mounts, python });
    const sandbox: Sandbox = bubblewrapSandbox({
      ...{ id, spec, tools, holder, cgroup, network, filter, python, gateway, box },
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
