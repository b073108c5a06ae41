import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findCgroupHome } from '../../sandboxes/bubblewrap/cgroups.ts';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { never, run, sandboxSpec, tempDirectory } from '../conformance/sandbox.suite.ts';
import { itNeeds } from '../support/require-service.ts';

const status = await createBubblewrapProvider().probe();
const needsBubblewrap = itNeeds('bubblewrap', status.usable ? null : `${status.why}; ${status.fix}`);
const jiti = fileURLToPath(new URL('../../node_modules/.bin/jiti', import.meta.url));
const host = fileURLToPath(new URL('../fixtures/hosts/sandbox-host.ts', import.meta.url));

/** Everything of ours that the system still holds: processes that name the directory, mounts, groups, directories. */
function leftovers(scratch: string, label = ''): string[] {
  const home = process.platform === 'linux' ? findCgroupHome() : null;
  const groups = [home?.memory, home?.pids].flatMap((path) =>
    path
      ? readdirSync(path).filter((name) => name.startsWith('galapagos.') && label !== '' && name.includes(label))
      : [],
  );
  return [
    ...processesNaming(scratch).map((pid) => `process ${pid}`),
    ...readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(scratch)),
    ...groups,
    ...['bubblewrap', 'process'].flatMap((name) => {
      const path = join(scratch, name);
      return existsSync(path) ? readdirSync(path) : [];
    }),
  ];
}

function processesNaming(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
    } catch {
      return false;
    }
  });
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000 && !holds(); i += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(holds()).toBe(true);
}

/** Starts a runtime of its own that runs `argv` in a sandbox; resolves with the sandbox's id. */
async function startHost(
  provider: string,
  scratch: string,
  argv: string[],
): Promise<{ child: ChildProcess; id: string }> {
  const child = spawn(jiti, [host, provider, scratch, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const id = await new Promise<string>((resolve, reject) => {
    child.stdout!.once('data', (data: Buffer) => resolve(data.toString().trim()));
    child.once('exit', () => reject(new Error('the host ended')));
  });
  return { child, id };
}

describe('what sandboxes leave behind', () => {
  needsBubblewrap(
    'is nothing after a hundred sandboxes, half of them with a command',
    async () => {
      const scratch = tempDirectory();
      const provider = createBubblewrapProvider({ scratchDir: scratch });
      const label = `cycles.${process.pid}.`;
      for (let i = 0; i < 100; i += 1) {
        await using sandbox = await provider.open(sandboxSpec({ run: parseRunId('cycles') }), never);
        if (i % 2 === 0) await run(sandbox, ['sh', '-c', 'setsid sleep 30 & true']);
      }
      expect(leftovers(scratch, label)).toEqual([]);
    },
    90_000,
  );

  needsBubblewrap(
    'is no process after the runtime was killed in the middle of a command, and reap removes the rest',
    async () => {
      const scratch = tempDirectory();
      const mark = `31.${process.pid}`;
      const { child, id } = await startHost('bubblewrap', scratch, [
        'sh',
        '-c',
        `setsid sleep ${mark} & sleep ${mark}`,
      ]);
      await until(() => processesNaming(`sleep\0${mark}`).length === 2);
      child.kill('SIGKILL');
      await until(() => processesNaming(mark).length === 0 && processesNaming(id).length === 0);
      const provider = createBubblewrapProvider({ scratchDir: scratch });
      expect(await provider.reap(parseRunId('another-run'))).toEqual({
        processes: 0,
        'control groups': 0,
        'scratch directories': 0,
      });
      expect(await provider.reap(parseRunId('killed'))).toMatchObject({ 'scratch directories': 1 });
      expect(leftovers(scratch, id)).toEqual([]);
    },
  );

  needsBubblewrap(
    'is half a sandbox when the runtime is killed while it is made, and reap ends it and spares the living',
    async () => {
      const scratch = tempDirectory();
      const provider = createBubblewrapProvider({ scratchDir: scratch });
      await using alive = await provider.open(sandboxSpec({ run: parseRunId('killed') }), never);
      // What a killed runtime left behind: its number now belongs to nobody, or to a later process.
      const label = join(scratch, 'bubblewrap', `killed.${process.pid}.1.1`);
      const command = ['--dev-bind', '/', '/', '--', 'sh', '-c', 'sleep 60; true', label];
      const half = spawn(realpathSync('/usr/bin/bwrap'), command);
      onTestFinished(() => void half.kill('SIGKILL'));
      const ended = new Promise((resolve) => half.once('exit', resolve));
      await until(() => processesNaming(label).length > 0);
      expect(await provider.reap(parseRunId('another-run'))).toEqual({
        processes: 0,
        'control groups': 0,
        'scratch directories': 0,
      });
      expect(await provider.reap(parseRunId('killed'))).toMatchObject({ processes: 1 });
      await ended;
      expect((await run(alive, ['echo', 'alive'])).stdout).toBe('alive\n');
    },
  );

  it('is a directory after the runtime was killed, which reap removes while it spares the living', async () => {
    const scratch = tempDirectory();
    const { child, id } = await startHost('process', scratch, ['sh', '-c', 'mkdir locked; chmod 0 locked; sleep 1']);
    const provider = createProcessProvider({ scratchDir: scratch });
    await using alive = await provider.open(sandboxSpec({ run: parseRunId('killed') }), never);
    expect(await provider.reap('all')).toEqual({ 'scratch directories': 0 });
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(await provider.reap(parseRunId('another-run'))).toEqual({ 'scratch directories': 0 });
    expect(await provider.reap('all')).toEqual({ 'scratch directories': 1 });
    expect(readdirSync(join(scratch, 'process'))).toEqual([alive.id]);
    expect(id).not.toBe(alive.id);
  });

  it('is not mistaken for living when its process number belongs to a later process', async () => {
    const scratch = tempDirectory();
    const provider = createProcessProvider({ scratchDir: scratch });
    mkdirSync(join(scratch, 'process', `run.${process.pid}.1.1`), { recursive: true });
    mkdirSync(join(scratch, 'process', 'not-one-of-ours'));
    writeFileSync(join(scratch, 'process', 'a-file'), '');
    expect(await provider.reap('all')).toEqual({ 'scratch directories': 1 });
    expect(readdirSync(join(scratch, 'process')).sort()).toEqual(['a-file', 'not-one-of-ours']);
  });

  it('is left alone when its maker belongs to another process namespace, where nobody here can see whether it lives', async () => {
    const scratch = tempDirectory();
    const provider = createProcessProvider({ scratchDir: scratch });
    const dead = `run.${process.pid}.1.1`;
    mkdirSync(join(scratch, 'process', `${dead}.1`), { recursive: true });
    const { id } = await provider.open(sandboxSpec(), never);
    const [, , , , ...here] = id.split('.');
    mkdirSync(join(scratch, 'process', [dead, ...here].join('.')));
    expect(await provider.reap('all')).toEqual({ 'scratch directories': 1 });
    expect(readdirSync(join(scratch, 'process')).sort()).toEqual([`${dead}.1`, id]);
  });

  needsBubblewrap('is nothing after opening failed', async () => {
    const scratch = tempDirectory();
    const provider = createBubblewrapProvider({ scratchDir: scratch });
    const files = new Map([['big', { bytes: new Uint8Array(3 * 2 ** 20), isExecutable: false }]]);
    const tooSmall = sandboxSpec({ files, limits: { memoryMiB: 64, cpus: 1, pids: 16, diskMiB: 1 } });
    await expect(provider.open(tooSmall, never)).rejects.toMatchObject({ code: 'GENOME_INVALID' });
    const abort = new AbortController();
    const opening = provider.open(sandboxSpec(), abort.signal);
    abort.abort();
    await expect(opening).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    expect(leftovers(scratch, `suite.${process.pid}.`)).toEqual([]);
  });

  it('is nothing after the provider itself is disposed of', async () => {
    const scratch = tempDirectory();
    const provider = createProcessProvider({ scratchDir: scratch });
    const sandbox = await provider.open(sandboxSpec(), never);
    await provider[Symbol.asyncDispose]();
    expect(readdirSync(join(scratch, 'process'))).toEqual([]);
    await expect(run(sandbox, ['true'])).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
  });
});
