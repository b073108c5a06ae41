import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { describe, expect, onTestFinished } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { never, run, sandboxSpec } from '../conformance/sandbox.suite.ts';
import { dockerMissing, engine } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';

const isAble = process.getuid?.() === 0 && existsSync('/usr/sbin/dockerd');
const missing = (await dockerMissing()) ?? (isAble ? null : 'a second engine needs root and dockerd');

describe('a docker sandbox whose engine dies', () => {
  const test = itNeeds('docker, and root beside its engine', missing);

  test('says so instead of waiting, and what to do; the next engine removes what is left', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gal-engine-'));
    const host = `unix://${directory}/engine.sock`;
    const own = new Docker({ socketPath: `${directory}/engine.sock` });
    let daemon = await startEngine(directory, own);
    onTestFinished(async () => {
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      if (daemon.kill('SIGTERM')) await ended;
      rmSync(directory, { recursive: true, force: true });
    });
    await own.loadImage(await engine.getImage('galapagos-sandbox').get()).then(drain);
    const provider = createDockerProvider({ host });
    expect(await provider.probe()).toMatchObject({ usable: true });
    const sandbox = await provider.open(sandboxSpec(), never);
    expect((await run(sandbox, ['echo', 'works'])).stdout).toBe('works\n');
    const running = run(sandbox, ['sleep', '60'], { timeoutMs: 60_000 }).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const killed = performance.now();
    daemon.kill('SIGKILL');
    expect(await running).toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    expect(performance.now() - killed).toBeLessThan(15_000);
    await expect(run(sandbox, ['true'])).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    await expect(sandbox[Symbol.asyncDispose]()).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringContaining('systemctl start docker'),
    });
    expect(await provider.probe()).toMatchObject({
      usable: false,
      fix: expect.stringContaining('systemctl start docker'),
    });
    // The engine's own helper dies with it, a moment later, and would be taken for its living one.
    const helper = readFileSync(join(directory, 'exec/containerd/containerd.pid'), 'utf8').trim();
    await expect.poll(() => existsSync(`/proc/${helper}`), { timeout: 20_000 }).toBe(false);
    daemon = await startEngine(directory, own);
    const left = (isDead: boolean) => async () =>
      (await own.listContainers({ all: true })).filter(({ State }) => (State === 'dead') === isDead);
    await expect.poll(left(false), { timeout: 20_000 }).toEqual([]);
    // What a starting engine finds in use it gives up half removed; then it goes as reaping would have it go.
    for (const { Id } of await left(true)()) await own.getContainer(Id).remove({ force: true });
    expect(await left(true)()).toEqual([]);
    expect((await provider.probe()).usable).toBe(true);
  }, 180_000);
});

/** An engine of this test alone, in namespaces of its own: it changes no network and leaves no mount of the host. */
async function startEngine(directory: string, client: Docker): Promise<ChildProcess> {
  const at = (name: string) => join(directory, name);
  const daemon = spawn(
    'unshare',
    [
      ...[
        '--net',
        '--mount',
        'dockerd',
        '--data-root',
        at('data'),
        '--exec-root',
        at('exec'),
        '--pidfile',
        at('engine.pid'),
      ],
      ...['--host', `unix://${at('engine.sock')}`, '--bridge=none', '--iptables=false', '--ip6tables=false'],
    ],
    { stdio: 'ignore' },
  );
  await expect.poll(() => client.ping().then(String, () => 'no answer'), { timeout: 30_000 }).toBe('OK');
  return daemon;
}

async function drain(stream: NodeJS.ReadableStream): Promise<void> {
  for await (const _ of stream);
}
