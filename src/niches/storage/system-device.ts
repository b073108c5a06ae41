import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { ReadOnlyMount } from '../../../sandboxes/sandbox.ts';
import { places } from './families.ts';
import type { WorldPlan } from './plan.ts';

/** The read-only device of a machine: a directory of the host. Its files are holes, which cost nothing and free nothing. */
export class SystemDevice implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'galapagos-storage-'));
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
