import { describe, expect, it } from 'vitest';
import { textFile, textOf } from '../../src/core/file-tree.ts';
import { never, run, sandboxSpec, wideLimits, workspaceSuite } from '../conformance/sandbox.suite.ts';
import { createMemoryProvider, type MemoryCommand } from '../support/memory-sandbox.ts';

workspaceSuite('memory', (spec) => createMemoryProvider(async () => ({})).open(spec, never));

const forever: MemoryCommand = (_argv, _workspace, { signal }) =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve({ stdout: 'too late' })));

describe('memory sandbox', () => {
  it('lets a scripted command read and change the workspace, and records it', async () => {
    const provider = createMemoryProvider(async (argv, workspace, { stdin }) => {
      workspace.set('out', textFile(`${argv.join(' ')} ${stdin} ${workspace.size}`));
      return { stdout: 'done' };
    });
    await using sandbox = await provider.open(sandboxSpec({ files: new Map([['a', textFile('')]]) }), never);
    expect(await run(sandbox, ['go', 'on'], { stdin: 'in' })).toMatchObject({
      exitCode: 0,
      stoppedBy: 'exit',
      stdout: 'done',
    });
    expect(textOf((await sandbox.get(wideLimits)).get('out')!.bytes)).toBe('go on in 1');
    expect(provider.commands).toEqual([{ sandbox: sandbox.id, argv: ['go', 'on'], stdin: 'in', gateway: null }]);
    expect(provider.openCount).toBe(1);
  });

  it('stops a command at its time limit, on a signal, and at its output cap', async () => {
    const provider = createMemoryProvider(async (argv, ...rest) =>
      argv[0] === 'hang' ? forever(argv, ...rest) : { stdout: 'abcdef' },
    );
    await using sandbox = await provider.open(sandboxSpec(), never);
    expect(await run(sandbox, ['hang'], { timeoutMs: 10 })).toMatchObject({
      stoppedBy: 'timeout',
      exitCode: null,
      stdout: '',
    });
    const abort = new AbortController();
    const running = run(sandbox, ['hang'], { signal: abort.signal });
    abort.abort();
    expect(await running).toMatchObject({ stoppedBy: 'cancelled', exitCode: null });
    expect(await run(sandbox, ['print'], { maxOutputBytes: 3 })).toMatchObject({ stoppedBy: 'output', stdout: 'abc' });
  });

  it('rejects a running command when it is disposed of', async () => {
    const sandbox = await createMemoryProvider(forever).open(sandboxSpec(), never);
    const outcome = expect(run(sandbox, ['hang'])).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    await Promise.resolve();
    await sandbox[Symbol.asyncDispose]();
    await outcome;
  });

  it('fails the first openings when told to', async () => {
    const provider = createMemoryProvider(async () => ({}), { failFirstOpens: 1 });
    await expect(provider.open(sandboxSpec(), never)).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      retryable: true,
    });
    await using sandbox = await provider.open(sandboxSpec(), never);
    expect((await run(sandbox, ['x'])).exitCode).toBe(0);
  });
});
