import { describe, expect, it } from 'vitest';
import { createSolver } from '../../actors/solver/create-solver.ts';
import type { ExecResult } from '../../sandboxes/sandbox.ts';
import { checkResult } from '../../src/core/contracts.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { valid } from '../core/valid-messages.ts';
import { createMemoryProvider, type MemoryCommand } from '../support/memory-sandbox.ts';
import { genomesOf, memoryAccess, openGateways, seedTree, tree } from './ports.ts';

const never = new AbortController().signal;

async function solve(
  command: MemoryCommand,
  options: { wallMs?: number; maxAttempts?: number; failFirstOpens?: number } = {},
) {
  const provider = createMemoryProvider(command, { failFirstOpens: options.failFirstOpens ?? 0 });
  const { genomes, ids } = await genomesOf(seedTree);
  const gateways = openGateways();
  const ports = { genomes, sandboxes: memoryAccess(provider), gateways, wallMs: options.wallMs ?? 1_000 };
  await using solver = createSolver({ ...ports, maxAttempts: options.maxAttempts ?? 2 });
  const request = { ...valid.solver.request, genome: ids[0]! };
  const answer = solver.handle(request, never).then((result) => checkResult('solver', 'solver', request, result));
  return { result: await answer.catch((error: unknown) => ({ error })), provider, gateways };
}

const prints =
  (stdout: string, more: Partial<ExecResult> = {}): MemoryCommand =>
  async () => ({ stdout, ...more });
const answerTo = async (stdout: string) => (await solve(prints(stdout))).result;

it('runs the task command in the genome, with the input and nothing else on stdin', async () => {
  const { result, provider, gateways } = await solve(prints('{"radii":[1,2]}\n'));
  expect(result).toMatchObject({ stoppedBy: 'exit', exitCode: 0, output: { radii: [1, 2] }, problem: null });
  expect(provider.commands).toEqual([
    { sandbox: 'memory-0', argv: ['node', 'task.mjs'], stdin: 'null', gateway: '/run/gateway' },
  ]);
  expect(provider.opened[0]).toMatchObject({ owner: 'a', mounts: [] });
  expect([...provider.opened[0]!.files.keys()]).toEqual([...seedTree.keys()]);
  expect(gateways.sessions).toMatchObject([{ purpose: 's1', model: 'mutator', generation: 1 }]);
  expect({ sandboxes: provider.openCount, gateways: gateways.openCount }).toEqual({ sandboxes: 0, gateways: 0 });
});

it('reaches its gateway over HTTP when its manifest says so, and counts what was charged until the gateway was closed', async () => {
  const manifest = { task: { command: ['node', 'task.mjs'] }, meta: { command: ['true'] }, gateway: 'http' };
  const { genomes, ids } = await genomesOf(tree({ 'genome.json': JSON.stringify(manifest), 'task.mjs': '' }));
  const provider = createMemoryProvider(prints('1'));
  const gateways = openGateways({ lateCalls: 2 });
  const ports = { genomes, sandboxes: memoryAccess(provider), gateways, wallMs: 1_000, maxAttempts: 1 };
  await using solver = createSolver(ports);
  const result = await solver.handle({ ...valid.solver.request, genome: ids[0]! }, never);
  expect(provider.commands.map((c) => c.argv)).toEqual([['over-http', 'node', 'task.mjs']]);
  expect(result.usage.calls).toBe(3);
});

describe('what was printed', () => {
  const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  const tooDeep = 'stdout is JSON nested deeper than 100 levels';
  it.each([
    ['nothing', '', 'nothing was printed on stdout'],
    ['white space', ' \n ', 'nothing was printed on stdout'],
    ['text', 'score: 5', 'stdout is not one JSON document'],
    ['two documents', '{} {}', 'stdout is not one JSON document'],
    ['half a document', '{"a":', 'stdout is not one JSON document'],
    ['10 000 brackets', deep(10_000), tooDeep],
    ['a million brackets', deep(500_000), expect.stringMatching(/nested deeper|not one JSON/)],
    ['101 levels', deep(101), tooDeep],
    ['101 levels of objects', `${'{"a":'.repeat(101)}1${'}'.repeat(101)}`, tooDeep],
    ['a number that JSON cannot say', '{"score":1e999}', 'stdout holds a number beyond the range of a double'],
  ])('%s is a problem of the candidate, not of the run', async (_, stdout, problem) => {
    expect(await answerTo(stdout)).toMatchObject({ stoppedBy: 'exit', exitCode: 0, output: null, problem });
  });

  it.each([
    ['100 levels', deep(100)],
    ['a wide document', JSON.stringify(Array.from({ length: 50_000 }, (_, i) => i))],
    ['half a character', '"\\ud800"'],
    ['a number', '-0.5'],
    ['null', 'null'],
  ])('%s is an answer', async (_, stdout) => {
    expect(await answerTo(stdout)).toMatchObject({ output: JSON.parse(stdout), problem: null });
  });
});

describe('how it ended', () => {
  it('is a result when the command failed, with the end of what it said', async () => {
    const stderr = `${'x'.repeat(5_000)}\nTypeError: boom`;
    const { result } = await solve(prints('', { exitCode: 3, stderr }));
    expect(result).toMatchObject({ exitCode: 3, stderrTail: stderr.slice(-2_000) });
  });

  it('is a timeout when it takes longer than it may', async () => {
    const { result } = await solve(() => new Promise(() => {}), { wallMs: 5 });
    expect(result).toMatchObject({ stoppedBy: 'timeout', exitCode: null, output: null });
  });

  it('is no success when it printed past the limit just as it ended', async () => {
    const { result } = await solve(prints('x'.repeat(2_000_000)));
    expect(result).toMatchObject({ stoppedBy: 'output', exitCode: null });
  });

  it('says nothing when the run was cancelled under it', async () => {
    const provider = createMemoryProvider(() => new Promise(() => {}));
    const { genomes, ids } = await genomesOf(seedTree);
    const ports = { genomes, sandboxes: memoryAccess(provider), gateways: null, wallMs: 10_000, maxAttempts: 1 };
    await using solver = createSolver(ports);
    const controller = new AbortController();
    const answer = solver.handle({ ...valid.solver.request, genome: ids[0]! }, controller.signal);
    controller.abort();
    await expect(answer).rejects.toMatchObject({ code: 'RUN_CANCELLED' });
  });

  it('needs no gateway when task agents have no model', async () => {
    const provider = createMemoryProvider(prints('1'));
    const { genomes, ids } = await genomesOf(seedTree);
    const ports = { genomes, sandboxes: memoryAccess(provider), gateways: null, wallMs: 1_000, maxAttempts: 1 };
    await using solver = createSolver(ports);
    const result = await solver.handle({ ...valid.solver.request, genome: ids[0]! }, never);
    expect(result).toMatchObject({ output: 1, usage: { calls: 0 } });
    expect(provider.commands[0]!.gateway).toBeNull();
  });
});

describe('a sandbox that fails', () => {
  it('is tried again, and the candidate never hears of it', async () => {
    const { result, provider } = await solve(prints('1'), { failFirstOpens: 1, maxAttempts: 2 });
    expect(result).toMatchObject({ output: 1 });
    expect(provider.commands).toHaveLength(1);
  });

  it('is given up after so many attempts', async () => {
    const { result, gateways } = await solve(prints('1'), { failFirstOpens: 9, maxAttempts: 2 });
    expect(result).toMatchObject({ error: { code: 'SANDBOX_UNAVAILABLE' } });
    expect(gateways.sessions).toHaveLength(2);
    expect(gateways.openCount).toBe(0);
  });

  it('is tried again also when it goes while the command runs, in a sandbox of its own', async () => {
    let runs = 0;
    const { result, provider } = await solve(async () => {
      runs += 1;
      if (runs === 1) throw new SandboxUnavailableError('gone');
      return { stdout: '2' };
    });
    expect(result).toMatchObject({ output: 2 });
    expect(provider.commands.map((c) => c.sandbox)).toEqual(['memory-0', 'memory-1']);
    expect(provider.openCount).toBe(0);
  });
});

it('fails the job, not the candidate, when a model call could not be recorded', async () => {
  const { genomes, ids } = await genomesOf(seedTree);
  const gateways = openGateways({ failure: new Error('disk full') });
  const provider = createMemoryProvider(prints('1'));
  const ports = { genomes, sandboxes: memoryAccess(provider), gateways, wallMs: 1_000, maxAttempts: 3 };
  await using solver = createSolver(ports);
  await expect(solver.handle({ ...valid.solver.request, genome: ids[0]! }, never)).rejects.toThrow('disk full');
  expect(provider.openCount).toBe(0);
});
