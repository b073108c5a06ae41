import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { findCgroupHome } from '../../sandboxes/bubblewrap/cgroups.ts';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { labelFor } from '../../sandboxes/scratch.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { runCli } from '../support/example-run.ts';
import { itNeeds } from '../support/require-service.ts';
import { cli } from './run-cli.ts';
import { runWith, separateSystem } from './separate-system.ts';

const status = await createBubblewrapProvider().probe();
const jiti = fileURLToPath(new URL('../../node_modules/.bin/jiti', import.meta.url));
const host = fileURLToPath(new URL('../fixtures/hosts/sandbox-host.ts', import.meta.url));

type System = ReturnType<typeof separateSystem>;

/** Control groups and socket directories that a process made, by its number. */
function elsewhere(pid: number): string[] {
  const home = process.platform === 'linux' ? findCgroupHome() : null;
  const groups = home === null ? [] : readdirSync(home.memory).filter((name) => name.includes(`.${pid}.`));
  const sockets = existsSync('/dev/shm')
    ? readdirSync('/dev/shm').filter((name) => name.startsWith(`gal-${pid}-`))
    : [];
  return [...groups, ...sockets];
}

describe.each([
  ['process', null],
  ['bubblewrap', status.usable ? null : `${status.why}; ${status.fix}`],
])('what a killed run left of its %s sandboxes', (provider, missing) => {
  const test = itNeeds(provider, missing);
  const madeBy = (system: System, pid: number) =>
    system.scratchOf(provider).filter((name) => name.startsWith(`packing-paired-1.${pid}.`));
  const killARun = (system: System) =>
    system.killARun(provider, (pid) => madeBy(system, pid).length > 0 && elsewhere(pid).length > 0);

  function startLiving(system: System): Promise<{ child: ChildProcess; id: string }> {
    const child = spawn(jiti, [host, provider, system.scratch, 'sleep', '60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return new Promise((resolve, reject) => {
      child.stdout!.once('data', (data: Buffer) => resolve({ child, id: data.toString().trim() }));
      child.once('exit', () => reject(new Error('the host ended')));
    });
  }

  test('goes with galapagos clean, which spares the living', async () => {
    const system = separateSystem();
    const pid = await killARun(system);
    const { child, id } = await startLiving(system);
    expect(madeBy(system, pid).length).toBeGreaterThan(0);
    const none = { 'scratch directories': 0 };
    expect((await system.clean('--run', 'another-run')).leftBehind[provider]).toMatchObject(none);
    const dry = await system.clean('--dry-run');
    expect(dry).toMatchObject({
      isRemoved: false,
      leftBehind: { gateway: { 'socket directories': expect.any(Number) } },
    });
    expect(dry.leftBehind[provider]!['scratch directories']).toBeGreaterThanOrEqual(1);
    // What lies elsewhere, any run that starts on this machine may remove in the meantime.
    expect(madeBy(system, pid).length).toBeGreaterThan(0);
    const wet = await system.clean();
    expect(wet.isRemoved).toBe(true);
    expect(wet.leftBehind[provider]).toMatchObject({
      'scratch directories': dry.leftBehind[provider]!['scratch directories'],
    });
    expect(elsewhere(pid)).toEqual([]);
    expect(system.scratchOf(provider)).toEqual([id]);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect((await system.clean('--run', 'killed')).leftBehind[provider]).toMatchObject({ 'scratch directories': 1 });
    expect(system.scratchOf(provider)).toEqual([]);
  }, 60_000);

  test('goes when the next run starts, whatever that is called', async () => {
    const system = separateSystem();
    const pid = await killARun(system);
    expect(madeBy(system, pid).length).toBeGreaterThan(0);
    const next = [...runWith(provider), '--arm', 'solo', '--set', 'budget.generations=1', '--json'];
    const { code, stderr } = await runCli([...next, '--out', system.out('next')], system.env);
    expect(code, stderr).toBe(0);
    expect(system.scratchOf(provider)).toEqual([]);
    expect(elsewhere(pid)).toEqual([]);
  }, 60_000);
});

describe('galapagos clean', () => {
  it('says what there is and what it removed, by who had made it and by kind, and that nothing was left', async () => {
    const system = separateSystem();
    const dead = `run.${process.pid}.1`;
    for (const name of [`${dead}.1`, `${dead}.2`])
      mkdirSync(join(system.scratch, 'process', name), { recursive: true });
    const found = (await runCli(['clean', '--run', 'run', '--dry-run'], system.env)).stdout;
    expect(found).toBe('Killed runs left 2 things behind:\n  2  process  scratch directories\n');
    const { stdout } = await runCli(['clean', '--run', 'run'], system.env);
    expect(stdout).toBe('Removed 2 things that killed runs left behind:\n  2  process  scratch directories\n');
    expect((await runCli(['clean', '--run', 'run'], system.env)).stdout).toBe('Nothing was left behind.\n');
  }, 60_000);

  it('removes the system devices and weights of killed loops, and spares those of the living', async () => {
    const system = separateSystem();
    const living = labelFor(parseRunId('storage'));
    const dead = living.replace(/\.\d+\./, '.999999999.');
    for (const owner of ['storage', 'weights-loop']) {
      for (const name of [living, dead]) mkdirSync(join(system.scratch, owner, name, 'below'), { recursive: true });
    }
    const kinds = { storage: { 'system devices': 1 }, 'weights-loop': { 'scratch directories': 1 } };
    expect((await system.clean()).leftBehind).toMatchObject(kinds);
    expect([system.scratchOf('storage'), system.scratchOf('weights-loop')]).toEqual([[living], [living]]);
  }, 60_000);

  it('goes on when a kind of sandbox cannot be asked, and says so', async () => {
    const system = separateSystem();
    const env = { ...system.env, DOCKER_HOST: `unix://${system.out('no.sock')}` };
    const { code, stdout, stderr } = await runCli(['clean', '--run', 'run', '--json'], env);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      leftBehind: { process: { 'scratch directories': 0 } },
      notAsked: { docker: expect.any(String) },
    });
    expect(stderr).toMatch(/^docker was not asked: /);
  }, 60_000);

  it('refuses what cannot be the name of a run', async () => {
    expect(await cli(['clean', '--run', 'results/runs/x'])).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('is not a run id'),
    });
  });
});
