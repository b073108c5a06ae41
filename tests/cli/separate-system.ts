import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Cleaning } from '../../src/index.ts';
import { runCli, startCli } from '../support/example-run.ts';
import { tinyRun } from './run-cli.ts';

/** The arguments of a small real run in sandboxes of this kind. */
export const runWith = (provider: string) => tinyRun.map((word) => (word === 'process' ? provider : word));

/** A temporary directory of its own for the runtimes of one test, so that they see nothing of others. */
export function separateSystem() {
  const tmp = mkdtempSync(join(tmpdir(), 'gal-test-'));
  onTestFinished(() => rmSync(tmp, { recursive: true, force: true }));
  const scratch = join(tmp, `galapagos-${process.getuid?.() ?? 0}`);
  mkdirSync(scratch, { mode: 0o700 });
  const env = { TMPDIR: tmp };
  return {
    env,
    scratch,
    out: (name: string) => join(tmp, name),
    scratchOf(provider: string): string[] {
      const path = join(scratch, provider);
      return existsSync(path) ? readdirSync(path) : [];
    },
    async clean(...args: string[]): Promise<Cleaning> {
      const { code, stdout, stderr } = await runCli(['clean', '--json', ...args], env);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout);
    },
    /** Runs the real command until it has what `isReady` asks for, and kills it. @returns its process number. */
    async killARun(provider: string, isReady: (pid: number) => boolean): Promise<number> {
      const child = startCli([...runWith(provider), '--out', join(tmp, 'killed'), '--json'], { env });
      onTestFinished(() => child.kill('SIGKILL'));
      await expect.poll(() => isReady(child.pid), { timeout: 30_000, interval: 5 }).toBe(true);
      child.kill('SIGKILL');
      expect((await child.ended).signal).toBe('SIGKILL');
      return child.pid;
    },
  };
}
