import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A directory that goes with the test. */
export async function scratch(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'gal-runtime-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const jiti = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));

/** The command line of a TypeScript program in `tests/runtime/programs`. */
export function program(name: string, ...args: readonly string[]): string[] {
  return [process.execPath, jiti, fileURLToPath(new URL(`programs/${name}`, import.meta.url)), ...args];
}

export interface Started {
  readonly pid: number;
  /** The next line on stdout, or `null` when it has ended. */
  line(): Promise<string | null>;
  /** Writes a line to stdin. */
  tell(text: string): void;
  kill(): Promise<void>;
}

/** Starts a program; it is killed when the test ends. */
export function start(argv: readonly string[]): Started {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const kill = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  onTestFinished(kill);
  return {
    pid: child.pid!,
    line: async () => ((await lines.next()) as { value?: string }).value ?? null,
    tell: (text) => void child.stdin.write(`${text}\n`),
    kill,
  };
}
