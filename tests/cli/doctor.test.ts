import { freemem, totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import { chooseProvider } from '../../sandboxes/choose-provider.ts';
import { builtInProviders, type Diagnosis } from '../../src/index.ts';
import { runCli } from '../support/example-run.ts';
import { cli } from './run-cli.ts';

const diagnosed = async (): Promise<Diagnosis> => JSON.parse((await cli(['doctor', '--json'])).stdout);

describe('galapagos doctor', () => {
  it('gives scripts one document of the promised shape, with a fix for whatever does not work', async () => {
    const diagnosis = await diagnosed();
    expect(Object.keys(diagnosis)).toEqual([
      ...['node', 'git', 'sandboxes', 'auto', 'limits', 'memory', 'disk', 'nats', 'python', 'gpu', 'embedded'],
    ]);
    const { auto: _, sandboxes, ...rest } = diagnosis;
    for (const [name, finding] of Object.entries({ ...rest, ...sandboxes })) {
      expect(finding.why, name).not.toBe('');
      expect(finding.fix === '', `${name}: ${finding.fix}`).toBe(finding.usable);
    }
  }, 60_000);

  it('names the sandbox that auto takes: of those that isolate with the fewest gaps the cheapest', async () => {
    const { sandboxes, auto } = await diagnosed();
    expect(Object.keys(sandboxes)).toEqual(builtInProviders().map(({ name }) => name));
    const usable = builtInProviders().filter(({ name }) => sandboxes[name]!.usable);
    expect(auto).toBe((await chooseProvider('auto', usable)).provider.name);
    const isWhole = (name: string) => usable.some((provider) => provider.name === name && provider.gaps.length === 0);
    if (isWhole('bubblewrap')) expect(auto).toBe('bubblewrap');
    else if (isWhole('docker')) expect(auto).toBe('docker');
  }, 60_000);

  it('holds free memory against the ceiling, and looks for Python where genomes will look', async () => {
    const { memory, disk, python, auto } = await diagnosed();
    expect(memory.freeMiB).toBeGreaterThan(freemem() / 2 ** 21);
    expect(memory.ceilingMiB).toBeLessThanOrEqual((totalmem() / 2 ** 20) * 0.75);
    expect(memory.sandboxes).toBe(Math.min(64, Math.floor(memory.ceilingMiB / (auto === 'process' ? 512 : 576))));
    expect(disk.freeMiB).toBeGreaterThan(0);
    if (python.usable) expect(python.why).toBe(`python3 in sandbox ${auto}`);
  }, 60_000);

  it('says it to people, and how to mend what is missing; without git nothing can run', async () => {
    const { stdout, exitCode } = await cli(['doctor']);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Needed\n . node +\d/);
    expect(stdout).toMatch(/\nSandboxes \(one is needed; auto takes \w+\)\n/);
    expect(stdout).toContain('Experiments run here: galapagos run packing');
    const without = await runCli(['doctor'], { PATH: '/nonexistent' });
    expect(without.code).toBe(1);
    expect(without.stdout).toMatch(/ git +git is not installed\n +to fix it: install git 2\.32 or newer\n/);
    expect(without.stdout).toContain('Experiments cannot run here');
  }, 60_000);
});
