import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Fact } from '../../src/core/journal.ts';

export const repository = resolve(import.meta.dirname, '..', '..');
export const hill = join(repository, 'examples', 'hill');
const main = join(repository, 'dist', 'src', 'cli', 'main.js');

/** A directory that goes with its test. */
export function scratchDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'gal-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface CliEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliProcess {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<CliEnd>;
  readonly stderrSoFar: () => string;
}

/** Starts the built command in a process of its own. */
export function startCli(
  args: readonly string[],
  options: { readonly ownGroup?: boolean; readonly env?: NodeJS.ProcessEnv } = {},
): CliProcess {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: repository,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    detached: options.ownGroup === true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  const ended = new Promise<CliEnd>((done) =>
    child.once('close', (code, signal) => done({ code, signal, stdout, stderr })),
  );
  return { pid: child.pid!, kill: (signal) => child.kill(signal), ended, stderrSoFar: () => stderr };
}

export function runCli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliEnd> {
  return startCli(args, { env }).ended;
}

export function factsOf(dir: string): Fact[] {
  return readFileSync(join(dir, 'journal.jsonl'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Fact];
      } catch {
        return [];
      }
    });
}
