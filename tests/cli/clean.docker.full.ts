import { execFileSync } from 'node:child_process';
import { expect } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { never, sandboxSpec } from '../conformance/sandbox.suite.ts';
import { runCli } from '../support/example-run.ts';
import { itNeeds } from '../support/require-service.ts';
import { runWith, separateSystem } from './separate-system.ts';

const status = await createDockerProvider().probe();
const needsDocker = itNeeds('docker', status.usable ? null : `${status.why}; ${status.fix}`);

/** Names of containers and networks that processes with this number made. */
function madeBy(pid: number): string[] {
  const list = (...args: string[]) => execFileSync('docker', args, { encoding: 'utf8' }).split('\n');
  return [...list('ps', '--all', '--format', '{{.Names}}'), ...list('network', 'ls', '--format', '{{.Name}}')].filter(
    (name) => name.includes(`.${pid}.`),
  );
}
const isUnderWay = (pid: number) => madeBy(pid).some((name) => name.startsWith('packing-paired-1.'));

needsDocker(
  'what a killed run left of its docker sandboxes goes with galapagos clean, which spares the living',
  async () => {
    const system = separateSystem();
    const pid = await system.killARun('docker', isUnderWay);
    await using provider = createDockerProvider({ scratchDir: system.scratch });
    await using living = await provider.open(sandboxSpec(), never);
    expect((await system.clean()).notAsked).toEqual({});
    expect(madeBy(pid)).toEqual([]);
    expect(madeBy(process.pid)).toContain(living.id);
    expect(system.scratchOf('docker')).toHaveLength(1);
  },
  90_000,
);

needsDocker(
  'what a killed run left of its docker sandboxes goes when the next run starts',
  async () => {
    const system = separateSystem();
    const pid = await system.killARun('docker', isUnderWay);
    const next = [...runWith('docker'), '--arm', 'solo', '--set', 'budget.generations=1', '--json'];
    const { code, stderr } = await runCli([...next, '--out', system.out('next')], system.env);
    expect(code, stderr).toBe(0);
    expect(madeBy(pid)).toEqual([]);
    expect(system.scratchOf('docker')).toEqual([]);
  },
  120_000,
);
