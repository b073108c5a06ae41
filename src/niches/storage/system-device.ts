import { mkdirSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ReadOnlyMount, ReapOptions } from '../../../sandboxes/sandbox.ts';
import { labelFor, makeScratch, reapScratch, scratchRoot } from '../../../sandboxes/scratch.ts';
import { parseRunId } from '../../core/ids.ts';
import { places } from './families.ts';
import type { WorldPlan } from './plan.ts';

/** Worlds are the same whatever run they are in, so what lies here carries no run's name. */
const owner = parseRunId('storage');
const root = () => scratchRoot(undefined, owner);

/** The read-only device of a machine: a directory of the host. Its files are holes, which cost nothing and free nothing. */
export class SystemDevice implements Disposable {
  readonly #directory = makeScratch(root(), labelFor(owner));
  #shown: WorldPlan['system'] | null = null;

  get mount(): ReadOnlyMount {
    return { source: this.#directory, target: basename(places.system) };
  }

  /** Puts in order what it holds; a sandbox that has it mounted sees that at once. */
  show({ system }: WorldPlan, bornSeconds: number): void {
    if (this.#shown === system) return;
    this.#shown = system;
    for (const name of readdirSync(this.#directory)) rmSync(join(this.#directory, name), { recursive: true });
    for (const { path, size, ageSeconds } of system) {
      const file = join(this.#directory, path.slice(places.system.length));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, '');
      truncateSync(file, size);
      utimesSync(file, bornSeconds - ageSeconds, bornSeconds - ageSeconds);
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Removes what dead processes left of theirs, or only counts it. @returns how many. */
export function reapSystemDevices(options?: ReapOptions): number {
  return reapScratch(root(), 'all', options);
}
