import { chmodSync, lstatSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import type { WritablePlace } from '../../../sandboxes/sandbox.ts';
import { walk } from './walk.ts';

export interface Space {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

/** Σ over devices, each counted once however many places lie on it. */
export function spaceOf(places: readonly WritablePlace[]): Space {
  const seen = new Set<number>();
  let capacityBytes = 0;
  let availableBytes = 0;
  for (const { outside } of places) {
    const { dev } = lstatSync(outside);
    if (seen.has(dev)) continue;
    seen.add(dev);
    const { bsize, blocks, bavail } = statfsSync(outside);
    capacityBytes += blocks * bsize;
    availableBytes += bavail * bsize;
  }
  return { capacityBytes, availableBytes };
}

const looks = 50;

/**
 * Space once it has settled: two looks in a row, a turn of the event loop apart, agree. Every process of a
 * command is dead before this is asked, so a volume that goes on changing is not to be believed.
 * @returns `null` when it does not settle.
 */
export async function settledSpace(places: readonly WritablePlace[]): Promise<Space | null> {
  let last = spaceOf(places);
  for (let i = 0; i < looks; i += 1) {
    await new Promise((resolve) => void setImmediate(resolve));
    const now = spaceOf(places);
    if (now.availableBytes === last.availableBytes) return now;
    last = now;
  }
  return null;
}

/** Empties places, but for what belongs to other devices. Throws where a candidate has made that impossible by paths. */
export function clear(places: readonly WritablePlace[], skip: ReadonlySet<string>): void {
  for (const { outside } of places) chmodSync(outside, 0o755);
  // For an ordinary user's runtime a closed directory has to be opened before it can be emptied.
  for (const { outside, mode } of walk(places, skip).directories) {
    if ((mode & 0o700) !== 0o700) chmodSync(outside, 0o700);
  }
  for (const { inside, outside } of places) {
    for (const name of readdirSync(outside, { encoding: 'buffer' })) {
      if (skip.has(`${inside}/${name.toString()}`)) continue;
      rmSync(Buffer.concat([Buffer.from(`${outside}/`), name]), { recursive: true, force: true });
    }
  }
}
