import { describe, expect, it } from 'vitest';
import { createMetaAgent, type EditGuard, type MetaAgentPorts } from '../../actors/meta-agent/create-meta-agent.ts';
import type { ValidationPorts } from '../../actors/meta-agent/validation/validate-genome.ts';
import type { OpenGateway } from '../../actors/sandbox-access.ts';
import { checkResult } from '../../src/core/contracts.ts';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { type FileTree, textFile, textOf } from '../../src/core/file-tree.ts';
import { valid } from '../core/valid-messages.ts';
import { createMemoryProvider, type MemoryCommand } from '../support/memory-sandbox.ts';
import { passingCheck } from '../support/passing-check.ts';
import { genomesOf, memoryAccess, openGateways, seedTree, tree } from './ports.ts';

interface Options {
  readonly parent?: FileTree;
  /** Whose meta-agent runs; the parent's own without it. */
  readonly meta?: FileTree;
  readonly checks?: MemoryCommand;
  readonly refusal?: ReturnType<OpenGateway['refusal']>;
  readonly collect?: EditGuard['collect'];
  readonly ports?: Partial<MetaAgentPorts & ValidationPorts>;
}

/** A guard that lets every tree through and says which files differ. */
const collectAll: EditGuard['collect'] = async ({ parent, child }) => {
  const changed = [...new Set([...parent.keys(), ...child.keys()])].filter(
    (path) => parent.get(path) === undefined || !sameBytes(parent.get(path)?.bytes, child.get(path)?.bytes),
  );
  return { allowed: true, tree: child, changedFiles: changed };
};
const sameBytes = (a?: Uint8Array, b?: Uint8Array) => Buffer.compare(Buffer.from(a ?? []), Buffer.from(b ?? [0])) === 0;

/** Runs one edit; the first command is the meta-agent's, any other a check of imports. */
async function edit(metaAgent: MemoryCommand, options: Options = {}) {
  let commands = 0;
  const provider = createMemoryProvider((...args) => {
    commands += 1;
    return commands === 1
      ? metaAgent(...args)
      : (options.checks ?? (async (_argv, _workspace, given) => passingCheck(given)))(...args);
  });
  const parent = options.parent ?? seedTree;
  const { genomes, ids } = await genomesOf(parent, options.meta ?? parent);
  const gateways = openGateways(options.refusal === undefined ? {} : { refusal: options.refusal });
  const seen: string[][] = [];
  const ports: MetaAgentPorts & ValidationPorts = {
    genomes,
    sandboxes: memoryAccess(provider),
    gateways,
    guard: {
      mounts: async () => [{ source: '/guarded/strategies', target: 'strategies' }],
      collect: options.collect ?? collectAll,
    },
    provenance: async () => ({
      see: (texts) => void seen.push([...texts]),
      conclude: async () => ({ reads: [], adoption: null }),
    }),
    wallMs: 1_000,
    importWallMs: 500,
    refuse: [],
    treeLimits: { maxFiles: 10, maxBytes: 10_000, maxFileBytes: 5_000 },
    ...options.ports,
  };
  const request = {
    ...valid['meta-agent'].request,
    evals: { train: { score: 1 } },
    parent: { generation: 0, genome: ids[0]! },
    meta: { generation: options.meta === undefined ? 0 : 7, genome: ids[1]! },
  };
  await using actor = createMetaAgent(ports);
  const answer = actor.handle(request, new AbortController().signal);
  const result = await answer.then((r) => checkResult('meta-agent', 'meta-agent', request, r));
  expect({ sandboxes: provider.openCount, gateways: gateways.openCount }).toEqual({ sandboxes: 0, gateways: 0 });
  return { result, provider, genomes, gateways };
}

const writes =
  (path: string, text: string): MemoryCommand =>
  async (_argv, workspace) => {
    workspace.set(path, textFile(text));
    return {};
  };

describe('an edit', () => {
  it('comes back as a new genome with what changed', async () => {
    const { result, genomes } = await edit(writes('task.mjs', '// solves better'));
    expect(result).toMatchObject({ status: 'edited', changedFiles: ['task.mjs'], files: 3, usage: { calls: 1 } });
    const child = await genomes.get(result.genome!);
    expect(textOf(child.get('task.mjs')!.bytes)).toBe('// solves better');
  });

  it('gives the meta-agent its own command, the mounts of the guard, the gateway, and a description on stdin', async () => {
    const { provider, gateways } = await edit(writes('task.mjs', 'x'));
    expect(provider.commands[0]!.argv).toEqual(['node', 'meta.mjs']);
    expect(JSON.parse(provider.commands[0]!.stdin)).toEqual({
      lineage: 'a',
      generation: 1,
      strategies: ['b_gen3'],
      evals: ['train.json'],
    });
    expect(provider.opened[0]).toMatchObject({
      owner: 'a',
      mounts: [{ source: '/guarded/strategies', target: 'strategies' }],
    });
    expect(provider.commands[0]!.gateway).toBe('/run/gateway');
    expect(gateways.sessions).toMatchObject([{ purpose: 'meta', lineage: 'a', generation: 1 }]);
  });

  it('is checked in a fresh sandbox, without mounts and without a model', async () => {
    const { provider } = await edit(writes('task.mjs', 'x'));
    expect(provider.opened).toHaveLength(2);
    expect(provider.opened[1]).toMatchObject({ mounts: [] });
    expect(provider.commands[1]).toMatchObject({ sandbox: 'memory-1', gateway: null });
  });
});

describe('an edit that fails is a result, with stage and reason', () => {
  const refusal = { message: 'model calls were refused for the limit of calls', isBudget: false };
  const exits: MemoryCommand = async () => ({ exitCode: 1, stderr: 'at x\nTypeError: boom\n  at y' });
  it.each<[string, MemoryCommand, Options, unknown]>([
    ['exits non-zero', exits, {}, { stage: 'meta-agent', message: 'exit 1: TypeError: boom' }],
    [
      'is ended by a signal',
      async () => ({ exitCode: null, signal: 'SIGSEGV' }),
      {},
      { stage: 'meta-agent', message: 'exit SIGSEGV: ' },
    ],
    [
      'takes too long',
      () => new Promise(() => {}),
      { ports: { wallMs: 5 } },
      { stage: 'meta-agent', message: 'did not end within its time limit' },
    ],
    [
      'fills the memory',
      async () => ({ exitCode: null, stoppedBy: 'memory' }),
      {},
      { stage: 'meta-agent', message: 'stopped by its memory limit' },
    ],
    ['changes nothing', async () => ({}), {}, { stage: 'meta-agent', message: 'it ended without changing any file' }],
    [
      'gives up when the budget is used up',
      exits,
      { refusal: { ...refusal, isBudget: true } },
      { stage: 'budget', message: refusal.message },
    ],
    [
      'gives up at a limit of its own sitting, which is not the budget',
      exits,
      { refusal },
      { stage: 'meta-agent', message: refusal.message },
    ],
    [
      'returns a tree that the guard refuses',
      writes('task.mjs', 'x'),
      { collect: async () => ({ allowed: false, rule: 'growth', message: 'too many lines' }) },
      { stage: 'collect', message: 'growth: too many lines' },
    ],
    [
      'leaves a tree beyond the limits',
      writes('big', 'x'.repeat(6_000)),
      {},
      { stage: 'collect', message: 'the path "big" exceeds a limit' },
    ],
  ])('%s', async (_, command, options, failure) => {
    const { result } = await edit(command, options);
    expect(result).toMatchObject({ status: 'failed', genome: null, failure, usage: { calls: 1 } });
  });

  it.each<[string, MemoryCommand, string]>([
    [
      'fails',
      async (_argv, _workspace, { stdin }) => ({
        exitCode: 1,
        stdout: `${stdin!.split('\n')[0]}\tbad\timport\ttask.mjs\ttask.mjs\t1\t1\tTypeError: boom\n`,
      }),
      'task.mjs:1:1 (import): TypeError: boom\n  x\n  ^',
    ],
    [
      'is not told to have come to its end',
      async () => ({ stdout: 'done\n' }),
      'task.mjs (parse): it cannot be looked at: node ended with status 0',
    ],
    [
      'never ends',
      () => new Promise(() => {}),
      'task.mjs (parse): it cannot be looked at: it did not end within 0.005 s',
    ],
  ])('keeps the tree of a child whose import %s', async (_, checks, message) => {
    const { result, genomes } = await edit(writes('task.mjs', 'x'), { checks, ports: { importWallMs: 5 } });
    expect(result).toMatchObject({ status: 'failed', failure: { stage: 'import-check', message } });
    expect((await genomes.get(result.genome!)).size).toBe(3);
  });

  it('names a construct that the experiment refuses, without running anything of the child', async () => {
    const refuse = [{ files: '.', pattern: 'eval', why: 'no eval' }];
    const { result, provider } = await edit(writes('readme', 'eval'), { ports: { refuse } });
    expect(result).toMatchObject({
      failure: { stage: 'import-check', message: 'readme:1:1 (policy): no eval\n  eval\n  ^' },
    });
    expect(provider.commands).toHaveLength(1);
  });

  it('names a manifest that the child broke, without running anything of it', async () => {
    const { result, provider } = await edit(writes('genome.json', '{"task":1}'));
    expect(result).toMatchObject({ status: 'failed', failure: { stage: 'import-check' } });
    expect((result as { failure: { message: string } }).failure.message).toContain('genome.json');
    expect(provider.commands).toHaveLength(1);
  });
});

describe('a borrowed meta-agent', () => {
  it('reaches its gateway as its own manifest says, not as that of the genome it edits', async () => {
    const manifest = {
      task: { command: ['node', 'task.mjs'] },
      meta: { command: ['node', 'meta.mjs'] },
      gateway: 'http',
    };
    const overHttp = tree({ 'genome.json': JSON.stringify(manifest), 'meta.mjs': '', 'task.mjs': '' });
    const argvOf = async (options: Options) =>
      (await edit(writes('task.mjs', 'x'), options)).provider.commands[0]!.argv[0];
    expect(await argvOf({ parent: overHttp })).toBe('over-http');
    expect(await argvOf({ meta: overHttp })).toBe('over-http');
    expect(await argvOf({ parent: overHttp, meta: seedTree })).toBe('node');
  });

  const manifest = (meta: string) =>
    JSON.stringify({ task: { command: ['node', 'task.mjs'] }, meta: { command: ['node', meta, '--deep'] } });
  const broken = tree({ 'genome.json': manifest('meta.mjs'), 'meta.mjs': '// broken', 'task.mjs': '// task' });
  const good = (meta: string) => tree({ 'genome.json': manifest(meta), 'meta.mjs': '// good', 'task.mjs': '// old' });

  it.each(['meta.mjs', './meta.mjs'])('runs from a directory of its own, its command spelled %s', async (spelling) => {
    const seen: string[] = [];
    const { result, provider, genomes } = await edit(
      async (_argv, workspace) => {
        seen.push(textOf(workspace.get('.meta-agent/meta.mjs')!.bytes)!, textOf(workspace.get('meta.mjs')!.bytes)!);
        workspace.set('task.mjs', textFile('// new'));
        workspace.set('.meta-agent/leftover', textFile('mine'));
        return {};
      },
      { parent: broken, meta: good(spelling) },
    );
    expect(provider.commands[0]!.argv).toEqual(['node', './.meta-agent/meta.mjs', '--deep']);
    expect(seen).toEqual(['// good', '// broken']);
    expect(result).toMatchObject({ status: 'edited', changedFiles: ['task.mjs'] });
    const child = await genomes.get(result.genome!);
    expect([...child.keys()]).toEqual(['genome.json', 'meta.mjs', 'task.mjs']);
  });

  it('finds its place free: no child may take it', async () => {
    const { result, genomes } = await edit(async (_argv, workspace) => {
      workspace.set('.meta-agent', textFile('in the way'));
      workspace.set('task.mjs', textFile('x'));
      return {};
    });
    const child = await genomes.get(result.genome!);
    expect([...child.keys()]).toEqual(['genome.json', 'meta.mjs', 'task.mjs']);
  });
});

it('fails the job when the sandbox failed, not the agent', async () => {
  const gone = async () => {
    throw new SandboxUnavailableError('gone');
  };
  await expect(edit(gone)).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
  await expect(edit(writes('task.mjs', 'x'), { checks: gone })).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
});
