import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import type { Sandbox } from '../../sandboxes/sandbox.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { processesNaming } from '../conformance/hostile/world.ts';
import { never, run, sandboxSpec, tempDirectory } from '../conformance/sandbox.suite.ts';
import { dockerMissing, thingsOf } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';

const jiti = fileURLToPath(new URL('../../node_modules/.bin/jiti', import.meta.url));
const missing = await dockerMissing();

const silence = {
  code: 'SANDBOX_UNAVAILABLE',
  retryable: false,
  message: expect.stringMatching(/silent for 60 seconds; to fix it: restart it/),
};

describe('a docker sandbox whose engine is silent', () => {
  it('is not waited for longer than a minute, and the error says what to do', async () => {
    const provider = createDockerProvider({ host: await listen(() => {}) });
    takeTheClock();
    expect(await within(1_000, provider.open(sandboxSpec(), never))).toMatchObject(silence);
    expect(await within(1_000, provider.probe())).toMatchObject({
      usable: false,
      fix: expect.stringContaining('restart it'),
    });
  });

  it('keeps no program from ending that has given up on it', async () => {
    const program = join(tempDirectory(), 'probe.ts');
    const host = await listen(() => {});
    const source = fileURLToPath(new URL('../../sandboxes/docker/create-docker-provider.ts', import.meta.url));
    writeFileSync(
      program,
      `import { createDockerProvider } from ${JSON.stringify(source)};
      const later = globalThis.setTimeout;
      globalThis.setTimeout = (then, ms, ...rest) => later(then, ms / 100, ...rest);
      console.log((await createDockerProvider({ host: ${JSON.stringify(host)} }).probe()).why);`,
    );
    const child = spawn(jiti, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (bytes) => {
      said += bytes;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(said).toContain('silent for 60 seconds');
  }, 20_000);

  itNeeds('docker', missing)(
    'has no result for the command that ran: silence is no time limit of the candidate',
    async () => {
      const connections = new Set<Socket>();
      let isFrozen = false;
      const host = await listen((client) => {
        const engine = createConnection('/var/run/docker.sock');
        for (const [from, to] of [
          [client, engine],
          [engine, client],
        ] as const) {
          connections.add(from);
          from.on('data', (bytes) => isFrozen || to.write(bytes));
          from.on('end', () => isFrozen || to.end());
          from.on('error', () => to.destroy());
        }
      });
      onTestFinished(() => {
        for (const connection of connections) connection.destroy();
      });
      const provider = createDockerProvider({ host });
      const spec = sandboxSpec();
      takeTheClock();
      const sandbox = (await within(1, provider.open(spec, never))) as Sandbox;
      expect(await within(1, run(sandbox, ['echo', 'works']))).toMatchObject({ stdout: 'works\n' });
      const options = { signal: never, timeoutMs: 3_600_000, maxOutputBytes: 4_096 };
      const mark = `61.${process.pid}`;
      const slow = sandbox.exec(['sleep', mark], { ...options, timeoutMs: 20_000 });
      await within(
        1,
        until(() => processesNaming(mark).length > 0),
      );
      isFrozen = true;
      expect(await within(1_000, slow)).toMatchObject(silence);
      expect(await within(1_000, sandbox.exec(['true'], options))).toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
      expect(await within(1_000, sandbox[Symbol.asyncDispose]())).toMatchObject(silence);
      vi.useRealTimers();
      // The engine lets a container go whose runtime has gone.
      for (const connection of connections) connection.destroy();
      await expect.poll(() => thingsOf(spec.run), { timeout: 20_000 }).toEqual([]);
    },
    60_000,
  );

  itNeeds('docker', missing)(
    'that never says that a container was removed is not waited for, and keeps no program from ending',
    async () => {
      const unanswered = new Set<Socket>();
      const host = await listen((client) => {
        const engine = createConnection('/var/run/docker.sock');
        client.on('data', (bytes) => {
          if (bytes.includes('wait?condition=removed')) unanswered.add(client);
          engine.write(bytes);
        });
        engine.on('data', (bytes) => unanswered.has(client) || client.write(bytes));
        engine.on('end', () => unanswered.has(client) || client.end());
        client.on('close', () => {
          unanswered.delete(client);
          engine.destroy();
        });
        client.on('end', () => client.destroy());
        for (const socket of [client, engine]) socket.on('error', () => socket.destroy());
      });
      const provider = createDockerProvider({ host });
      // Other tests open sandboxes of the usual run meanwhile.
      const spec = sandboxSpec({ run: parseRunId('unanswered') });
      const sandbox = await provider.open(spec, never);
      const disposed = sandbox[Symbol.asyncDispose]();
      await expect.poll(() => unanswered.size, { timeout: 20_000 }).toBe(1);
      await disposed;
      await expect.poll(() => unanswered.size, { timeout: 20_000 }).toBe(0);
      expect(await thingsOf(spec.run)).toEqual([]);
    },
    60_000,
  );
});

/** @returns the address of something that takes connections. */
async function listen(onConnection: (socket: Socket) => void): Promise<string> {
  const path = join(tempDirectory(), 'engine.sock');
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return `unix://${path}`;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await pause(5);
}

function takeTheClock(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** What comes of the work, its error included, while the clock moves by so much in a millisecond. */
async function within(stepMs: number, work: PromiseLike<unknown>): Promise<unknown> {
  let isSettled = false;
  const settled = Promise.resolve(work)
    .catch((error: unknown) => error)
    .finally(() => {
      isSettled = true;
    });
  while (!isSettled) {
    await pause(1);
    await vi.advanceTimersByTimeAsync(stepMs);
  }
  return settled;
}
