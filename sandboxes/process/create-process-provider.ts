import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cleanup } from '../../src/core/cleanup.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { checkSpec, throwIfCancelled } from '../check-spec.ts';
import { placeTree, removeTree } from '../place-tree.ts';
import { type Sandbox, type SandboxProvider, type SandboxSpec, sandboxGaps } from '../sandbox.ts';
import { freeDiskMiB, labelFor, makeScratch, reapScratch, scratchRoot } from '../scratch.ts';
import { processSandbox } from './process-sandbox.ts';
import { takeWriteAccess } from './read-only-copy.ts';

export interface ProcessOptions {
  /** Where scratch directories are made. Default: a private directory below the system's temporary one. */
  readonly scratchDir?: string;
}

/**
 * Plain child processes: a private directory, a time limit, an output cap and
 * limits per process, but no isolation. For trusted code, development, and
 * systems that have nothing else. Works on Linux and macOS.
 */
export function createProcessProvider(options: ProcessOptions = {}): SandboxProvider {
  const open = new Set<Sandbox>();
  const root = () => scratchRoot(options.scratchDir, 'process');
  return {
    name: 'process',
    isolation: 'none',
    // It isolates nothing, so it has every gap there is.
    gaps: sandboxGaps,
    async probe() {
      if (process.platform === 'win32') {
        return { usable: false, why: 'Windows has no process groups', fix: 'use Linux, macOS or WSL' };
      }
      const why =
        'NO ISOLATION: code runs with your rights, sees your files and your network; only time and output are limited';
      return { usable: true, why, fix: '' };
    },
    async open(spec, signal) {
      const sandbox = openSandbox(root(), spec, signal, (gone) => open.delete(gone()));
      open.add(sandbox);
      return sandbox;
    },
    async reap(run, options) {
      return { 'scratch directories': reapScratch(root(), run, options) };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((sandbox) => sandbox[Symbol.asyncDispose]()));
    },
  };
}

function openSandbox(
  root: string,
  spec: SandboxSpec,
  signal: AbortSignal,
  onGone: (sandbox: () => Sandbox) => void,
): Sandbox {
  checkSpec(spec);
  checkDisk(root, spec.limits.diskMiB);
  throwIfCancelled(signal);
  const id = labelFor(spec.run);
  const scratch = makeScratch(root, id);
  const cleanup = new Cleanup();
  cleanup.defer(() => removeTree(scratch));
  try {
    const workspace = join(scratch, 'workspace');
    const temporary = join(scratch, 'tmp');
    mkdirSync(workspace);
    mkdirSync(temporary);
    placeTree(workspace, spec.files, new Set(spec.mounts.map(({ target }) => target)));
    // A copy, not a link: writing to it must not reach the source, and here nothing else would stop that.
    for (const { source, target } of spec.mounts) {
      cpSync(source, join(workspace, target), { recursive: true, verbatimSymlinks: true });
      takeWriteAccess(join(workspace, target));
    }
    const release = () => {
      onGone(() => sandbox);
      return cleanup[Symbol.asyncDispose]();
    };
    const sandbox: Sandbox = processSandbox({ id, spec, workspace, temporary, release });
    return sandbox;
  } catch (error) {
    removeTree(scratch);
    throw error;
  }
}

/** Nothing limits what is written here, so there must at least be room for what is allowed. */
function checkDisk(root: string, diskMiB: number): void {
  const freeMiB = freeDiskMiB(root);
  if (freeMiB >= diskMiB) return;
  throw new SandboxUnavailableError(
    `${root} has ${freeMiB} MiB of disk left, and a sandbox may write ${diskMiB} (sandbox.diskMiB): free some, or lower it`,
  );
}
