import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { labelsOf } from '../../sandboxes/docker/labels.ts';
import { parseLineageId, parseRunId } from '../../src/core/ids.ts';
import { never, run, sandboxSpec, tempDirectory } from '../conformance/sandbox.suite.ts';
import { dockerMissing, engine, thingsOf } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';

const test = itNeeds('docker', await dockerMissing());
const jiti = fileURLToPath(new URL('../../node_modules/.bin/jiti', import.meta.url));
const host = fileURLToPath(new URL('../fixtures/hosts/sandbox-host.ts', import.meta.url));

describe('what docker sandboxes leave behind', () => {
  test('is nothing after fifty sandboxes, half of them with a daemon, some with a network', async () => {
    const scratchDir = tempDirectory();
    const provider = createDockerProvider({ scratchDir });
    const one = async (_unused: unknown, i: number) => {
      const spec = sandboxSpec({ run: parseRunId('cycles'), network: i % 5 === 0 ? 'team' : null });
      await using sandbox = await provider.open(spec, never);
      if (i % 2 === 0) await run(sandbox, ['sh', '-c', 'setsid sleep 30 & true']);
    };
    for (let i = 0; i < 10; i += 1) await Promise.all(Array.from({ length: 5 }, one));
    expect(await thingsOf('cycles')).toEqual([]);
    expect(readdirSync(join(scratchDir, 'docker'))).toEqual([]);
    const { Volumes } = await engine.listVolumes();
    expect(Volumes.filter(({ Labels }) => JSON.stringify(Labels ?? {}).includes('galapagos'))).toEqual([]);
  }, 120_000);

  test('is nothing after opening was cancelled, whenever that was', async () => {
    const scratchDir = tempDirectory();
    const provider = createDockerProvider({ scratchDir });
    let opened = 0;
    for (const delayMs of [0, 1, 5, 20, 60, 120, 200, 300]) {
      const abort = new AbortController();
      const opening = provider.open(sandboxSpec({ run: parseRunId('cancelled'), network: 'team' }), abort.signal);
      setTimeout(() => abort.abort(), delayMs);
      const outcome = await opening.catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
      else opened += 1;
    }
    expect(opened).toBeLessThan(8);
    await provider[Symbol.asyncDispose]();
    expect(await thingsOf('cancelled')).toEqual([]);
    expect(readdirSync(join(scratchDir, 'docker'))).toEqual([]);
  }, 60_000);

  test('is nothing after opening failed', async () => {
    const scratchDir = tempDirectory();
    const provider = createDockerProvider({ scratchDir });
    const files = new Map([['big', { bytes: new Uint8Array(3 * 2 ** 20), isExecutable: false }]]);
    const tooSmall = { memoryMiB: 64, cpus: 1, pids: 16, diskMiB: 1 };
    const spec = sandboxSpec({ run: parseRunId('failed'), files, limits: tooSmall });
    await expect(provider.open(spec, never)).rejects.toMatchObject({ code: 'GENOME_INVALID' });
    const noMemory = sandboxSpec({ run: parseRunId('failed'), limits: { ...tooSmall, memoryMiB: 1, diskMiB: 1 } });
    await expect(provider.open(noMemory, never)).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    expect(await thingsOf('failed')).toEqual([]);
    expect(readdirSync(join(scratchDir, 'docker'))).toEqual([]);
  });

  test('is nothing after the provider itself is disposed of', async () => {
    const provider = createDockerProvider();
    const sandbox = await provider.open(sandboxSpec({ run: parseRunId('disposed') }), never);
    const running = expect(run(sandbox, ['sleep', '30'])).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    await provider[Symbol.asyncDispose]();
    await running;
    expect(await thingsOf('disposed')).toEqual([]);
  });

  test('is no container after the runtime was killed in the middle of a command: it ends with its runtime', async () => {
    const scratchDir = tempDirectory();
    const { child } = await startHost(scratchDir, ['sh', '-c', 'setsid sleep 60 & sleep 60']);
    expect(await thingsOf('killed')).toHaveLength(1);
    child.kill('SIGKILL');
    await expect.poll(() => thingsOf('killed'), { timeout: 15_000 }).toEqual([]);
    expect(readdirSync(join(scratchDir, 'docker'))).toHaveLength(1);
    await createDockerProvider({ scratchDir }).reap('all');
    expect(readdirSync(join(scratchDir, 'docker'))).toEqual([]);
  }, 60_000);

  test('is removed by reap when its maker is dead, on this host, and spared when it lives', async () => {
    const provider = createDockerProvider();
    await using alive = await provider.open(sandboxSpec({ run: parseRunId('reaped'), network: 'team' }), never);
    const { labels } = labelsOf(parseRunId('reaped'), parseLineageId('a'));
    // A process of the same number that started at another time.
    const maker = labels['galapagos.maker']!.replace(/\.(\d+)\.\w+\./, '.$1.1.');
    const make = async (name: string, change: Record<string, string>) => {
      const Labels = { ...labels, 'galapagos.maker': maker, ...change };
      const image = 'galapagos-sandbox';
      const options = { name, Image: image, Cmd: ['sleep', '60'], Labels, HostConfig: { NetworkMode: 'none' } };
      const container = await engine.createContainer(options);
      const network = await engine.createNetwork({ Name: name, Labels, Internal: true });
      onTestFinished(async () => {
        await container.remove({ force: true }).catch(() => {});
        await network.remove().catch(() => {});
      });
      await container.start();
    };
    await make(`reaped-${process.pid}`, {});
    await make(`elsewhere-${process.pid}`, { 'galapagos.host': 'another-host' });
    expect(await provider.reap(parseRunId('another-run'))).toEqual({ containers: 0, networks: 0 });
    const found = { containers: 1, networks: 1 };
    expect(await provider.reap(parseRunId('reaped'), { dryRun: true })).toEqual(found);
    expect(await thingsOf('reaped')).toHaveLength(6);
    expect(await provider.reap(parseRunId('reaped'))).toEqual(found);
    const left = await thingsOf('reaped');
    expect(left).toHaveLength(4);
    expect(left.filter((name) => name.includes('elsewhere'))).toHaveLength(2);
    expect((await run(alive, ['echo', 'usable'])).stdout).toBe('usable\n');
  }, 60_000);
});

/** Starts a runtime of its own that runs `argv` in a sandbox; resolves when the command has begun. */
async function startHost(scratchDir: string, argv: string[]): Promise<{ child: ChildProcess }> {
  const child = spawn(jiti, [host, 'docker', scratchDir, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    child.stdout!.once('data', () => resolve());
    child.once('exit', () => reject(new Error('the host ended')));
  });
  return { child };
}
