import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCommand } from '../../sandboxes/run-command.ts';
import { monotonicMs } from '../../src/core/clock.ts';
import { tempDirectory } from '../conformance/sandbox.suite.ts';

/** Both ends of a connection that this process can write to and read from. */
async function socketPair(): Promise<[Socket, Socket]> {
  const path = join(tempDirectory(), 'pair');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const near = connect(path);
  const far = await accepted;
  server.close();
  return [near, far];
}

it('reads what a command has reported, however long this process was busy when it ended', async () => {
  const [reader, writer] = await socketPair();
  const child = Object.assign(new EventEmitter(), {
    ...{ stdin: null, stdout: null, stderr: null, stdio: [null, null, null, reader] },
    ...{ pid: undefined, exitCode: null, signalCode: null },
  });
  const end = runCommand({
    start: () => child as unknown as ChildProcess,
    ...{ stdin: '', timeoutMs: 60_000, maxOutputBytes: 1_024, signal: new AbortController().signal },
  });
  // The report is there and the end is known in one turn, which then takes longer than streams are waited for.
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      writer.write('{ "exit-code": 0 }');
      child.emit('exit', 0, null);
      const busyUntil = monotonicMs() + 700;
      while (monotonicMs() < busyUntil);
      resolve();
    });
  });
  expect((await end).status).toBe('{ "exit-code": 0 }');
  writer.destroy();
});
