import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { SandboxUnavailableError } from '../src/core/errors.ts';
import { parseTreePath } from '../src/core/file-tree.ts';
import type { SandboxSpec } from './sandbox.ts';

/** @throws {SandboxUnavailableError} when whoever asked for a sandbox wants it no more. */
export function throwIfCancelled({ aborted, reason }: AbortSignal): void {
  if (aborted) throw new SandboxUnavailableError('opening the sandbox was cancelled', { cause: reason });
}

/**
 * Refuses a spec that cannot be honoured, before anything is made.
 * @throws {SandboxUnavailableError} naming the mount or the limit.
 */
export function checkSpec(spec: SandboxSpec): void {
  const targets = new Set<string>();
  for (const { source, target } of spec.mounts) {
    const fail = (why: string): never => {
      throw new SandboxUnavailableError(`the mount ${JSON.stringify(target)} ${why}`);
    };
    if (parseTreePath(target).includes('/')) fail('is more than one path segment');
    if (targets.has(target)) fail('is there twice');
    if (!isAbsolute(source)) fail('has a source that is not absolute');
    if (statSync(source, { throwIfNoEntry: false })?.isDirectory() !== true) fail('has no directory as its source');
    targets.add(target);
  }
  for (const [name, value] of Object.entries(spec.limits)) {
    if (!(Number.isFinite(value) && value > 0)) throw new SandboxUnavailableError(`the limit ${name} is not positive`);
  }
}
