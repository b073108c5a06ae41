import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { randomStream } from '../../src/core/random.ts';
import { isKept, isWhole } from './numbered-mark.ts';

const jiti = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
const writer = fileURLToPath(new URL('./mark-writer.ts', import.meta.url));
export const writerProgram = [process.execPath, jiti, writer];

/** Runs the writer and kills it at this line of its output; `null` lets it end by itself. */
export async function runWriter(argv: readonly string[], killAtLine: number | null): Promise<string[]> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (killAtLine !== null && lines.length > killAtLine) child.kill('SIGKILL');
  }
  await closed;
  return lines;
}

/**
 * Lets a writer append and compact, kills it at a random line, opens the file,
 * and so on with the same file: every acknowledged mark that no compaction may
 * drop is there, every mark is whole, and no order is given twice.
 * @returns marks acknowledged and compactions finished, in all.
 */
export async function killAgainAndAgain(path: string, kills: number, seed: number) {
  const random = randomStream(seed, 'kill');
  const acked: string[] = [];
  const orders = new Map<number, string>();
  let compactions = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const at = `seed ${seed}, kill ${kill}`;
    const killAtLine = random.int(400);
    const lines = await runWriter([...writerProgram, path, '100000', 'compacting'], killAtLine);
    // The last line may be cut by the kill itself; an id is acknowledged only when its line is whole.
    const now = lines.flatMap((line) => /^acked (m-\d+-\d+-\d+)$/.exec(line)?.[1] ?? []);
    compactions += lines.filter((line) => /^compacted \d+ dropped/.test(line)).length;
    expect(
      lines.filter((line) => line.includes('failed')),
      at,
    ).toEqual([]);
    acked.push(...now);
    await using store = await openFileMarkStore(path);
    const isDue = (id: string) => isKept({ createdAtMs: Number(id.split('-').at(-1)) });
    expect(
      acked.filter((id) => isDue(id) && store.get(id) === null),
      at,
    ).toEqual([]);
    for (const mark of store.since(0)) {
      expect(isWhole(mark), `${at}, ${mark.id}`).toBe(true);
      expect(orders.get(mark.order) ?? mark.id, at).toBe(mark.id);
      orders.set(mark.order, mark.id);
    }
  }
  return { acked: acked.length, compactions };
}
