import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import { startTokenOf } from '../../sandboxes/process-identity.ts';
import { never, run, sandboxSpec } from '../conformance/sandbox.suite.ts';

const provider = createProcessProvider();
/** One second of processor time in a minute. */
const limits = { memoryMiB: 128, cpus: 1 / 60, pids: 16, diskMiB: 8 };
const timeoutMs = 60_000;

describe('plain processes', () => {
  it.runIf(process.platform === 'linux')(
    'are stopped when one has used the processor time of its command, and that is a timeout',
    async () => {
      await using sandbox = await provider.open(sandboxSpec({ limits }), never);
      const end = await run(sandbox, ['sh', '-c', 'while :; do :; done'], { timeoutMs });
      expect(end).toMatchObject({ stoppedBy: 'timeout', exitCode: null, signal: 'SIGKILL' });
      expect(end.cpuMs).toBeGreaterThanOrEqual(750);
      expect(end.cpuMs).toBeLessThan(2_000);
      const killed = await run(sandbox, ['sh', '-c', 'kill -KILL $$'], { timeoutMs });
      expect(killed).toMatchObject({ stoppedBy: 'exit', signal: 'SIGKILL' });
    },
    60_000,
  );

  it('cannot burn the processor for ever, not even one that its command has left behind', async () => {
    await using sandbox = await provider.open(sandboxSpec({ limits }), never);
    const leave =
      'const { spawn } = require("node:child_process"); const options = { detached: true, stdio: "ignore" };';
    const burn = 'console.log(spawn("sh", ["-c", "while :; do :; done"], options).pid); process.exit()';
    const pid = Number((await run(sandbox, ['node', '-e', `${leave}${burn}`], { timeoutMs })).stdout);
    onTestFinished(() => {
      if (startTokenOf(pid) !== null) process.kill(pid, 'SIGKILL');
    });
    expect(startTokenOf(pid)).not.toBeNull();
    await vi.waitFor(() => expect(startTokenOf(pid)).toBeNull(), { timeout: 50_000, interval: 100 });
  }, 60_000);

  it('are told apart from those that end with a number like a signal', async () => {
    await using sandbox = await provider.open(sandboxSpec(), never);
    expect(await run(sandbox, ['sh', '-c', 'exit 200'])).toMatchObject({ exitCode: 200, signal: null });
    expect((await run(sandbox, ['sh', '-c', 'kill -TERM $$'])).stderr).toBe('');
    // Not a word of the shell that starts it: `exit` and `cd` are no programs.
    expect(await run(sandbox, ['exit', '3'])).toMatchObject({ exitCode: 127 });
  });
});
