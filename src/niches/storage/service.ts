import { readFileSync, writeSync } from 'node:fs';
import { contentOf } from './content.ts';
import { bytesOf, type WorldPlan } from './plan.ts';
import type { Walk } from './walk.ts';

/** The node's own service, played by the host: it serves its vital files and writes a log. */

/** What keeps it from answering its liveness probe, or `null`: its vital files are there, readable, whole and unchanged. */
export function damageTo(plan: WorldPlan, found: Walk): string | null {
  const files = new Map(found.files.map((file) => [file.path, file]));
  for (const file of plan.files) {
    if (!file.isVital) continue;
    const there = files.get(file.path);
    if (there === undefined) return `${file.path} is gone`;
    if (!there.isReachable || (there.info.mode & 0o400) === 0) return `${file.path} cannot be read`;
    if (there.info.size !== file.size || !readFileSync(there.outside).equals(bytesOf(file))) {
      return `${file.path} is damaged`;
    }
  }
  return null;
}

/**
 * Writes its log, through the descriptor that it has had since its start.
 * @param turn - Which command it follows, counted from 0: what it writes depends on nothing else.
 * @returns why it cannot, or `null`.
 */
export function growLog({ growthBytes }: WorldPlan, fd: number, turn: number): string | null {
  const lines = contentOf('log', turn * growthBytes, growthBytes);
  try {
    for (let at = 0; at < lines.length; ) at += writeSync(fd, lines, at);
    return null;
  } catch (error) {
    return `the service cannot write its log: ${(error as NodeJS.ErrnoException).code}`;
  }
}

/** What files take that the service does not need, in bytes. */
export function reclaimableBytes(plan: WorldPlan, found: Walk): number {
  const vital = new Set(plan.files.flatMap(({ isVital, path }) => (isVital ? [path] : [])));
  const counted = new Map<number, number>();
  for (const { path, info } of found.files) if (!vital.has(path)) counted.set(info.ino, info.blocks * 512);
  return [...counted.values()].reduce((sum, bytes) => sum + bytes, 0);
}
