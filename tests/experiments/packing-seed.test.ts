import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ChatRequest, chatRequestSchema } from '../../src/core/chat.ts';
import { monotonicMs } from '../../src/core/clock.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { parseGenomeManifest } from '../../src/core/genome.ts';
import type { Json } from '../../src/core/json.ts';
import { createMutator } from '../../src/models/mutator/mutator.ts';
import { circlePacking } from '../../src/niches/circle-packing/niche.ts';

const seedDir = fileURLToPath(new URL('../../experiments/packing/seed/', import.meta.url));
const signal = new AbortController().signal;
const niche = circlePacking.create({ circles: 26 });
const { pack } = (await import(join(seedDir, 'pack.mjs'))) as { pack(n: number, seed: number): Json };
const { createToolbox } = (await import(join(seedDir, 'tools.mjs'))) as {
  createToolbox(root: string): { call(f: { name: string; arguments: string }): Promise<string> };
};

async function workspace(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'packing-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await cp(seedDir, dir, { recursive: true });
  return dir;
}

function run(dir: string, argv: readonly string[], stdin: string, env: Record<string, string> = {}) {
  return new Promise<{ code: number | null; stdout: string }>((resolve) => {
    const options = { cwd: dir, env: { PATH: process.env.PATH ?? '', ...env }, timeout: 20_000 };
    const child = execFile('node', [...argv], options, (_error, stdout) => resolve({ code: child.exitCode, stdout }));
    // A program that ends without reading closes the pipe under us; that is its right.
    child.stdin!.on('error', () => {}).end(stdin);
  });
}

async function scoreOf(output: Json): Promise<number | string> {
  const [situation] = niche.situations({ split: 'selection', seed: 1, count: 1 });
  const consequence = await niche.measure(situation!, { output, exitCode: 0 }, signal);
  return consequence.status === 'measured' ? consequence.score : consequence.message;
}

describe('the task agent', () => {
  it('prints the packing that its function computes', async () => {
    const { code, stdout } = await run(seedDir, ['task.mjs'], '{"n":26,"seed":5}');
    expect([code, JSON.parse(stdout)]).toEqual([0, { circles: pack(26, 5) }]);
  });

  it('is feasible from every start, mediocre on average, and quick', async () => {
    const startedMs = monotonicMs();
    const packings = Array.from({ length: 20 }, (_, seed) => pack(26, seed * 7_919));
    expect((monotonicMs() - startedMs) / packings.length).toBeLessThan(500);
    const scores = await Promise.all(packings.map((circles) => scoreOf({ circles })));
    expect(scores.filter((score) => typeof score === 'string')).toEqual([]);
    const mean = (scores as number[]).reduce((a, b) => a + b, 0) / scores.length;
    expect(mean).toBeGreaterThan(1.95);
    expect(mean).toBeLessThan(2.3);
  });

  it('packs other numbers of circles too', async () => {
    for (const n of [1, 2, 7, 40]) {
      const other = circlePacking.create({ circles: n });
      const [situation] = other.situations({ split: 'test', seed: 2, count: 1 });
      const answer = { output: { circles: pack(n, 3) }, exitCode: 0 };
      expect(await other.measure(situation!, answer, signal)).toMatchObject({ status: 'measured' });
    }
  });
});

describe('the entry points', () => {
  it('are declared in the manifest', async () => {
    const text = await readFile(join(seedDir, 'genome.json'), 'utf8');
    expect(parseGenomeManifest(new Map([['genome.json', textFile(text)]]))).toEqual({
      task: { command: ['node', 'task.mjs'] },
      meta: { command: ['node', 'meta.mjs'] },
    });
  });

  it.each(['task.mjs', 'meta.mjs'])('%s does nothing when it is only imported', async (file) => {
    const argv = ['--input-type=module', '-e', `await import('./${file}')`];
    expect(await run(seedDir, argv, 'not json')).toEqual({ code: 0, stdout: '' });
  });
});

describe('the meta-agent', () => {
  const brief = JSON.stringify({ lineage: 'a', generation: 1, strategies: ['b_gen2'], evals: ['train.json'] });

  /** A gateway on a Unix socket in `dir`, and what it was asked. */
  async function gateway(dir: string, answer: (request: ChatRequest, turn: number) => Promise<[number, unknown]>) {
    const requests: ChatRequest[] = [];
    const server = createServer((incoming, outgoing) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', (chunk) => (body += chunk));
      incoming.on('end', () => {
        const request = chatRequestSchema.parse(JSON.parse(body));
        requests.push(request);
        void answer(request, requests.length - 1).then(([status, json]) => {
          outgoing.writeHead(status).end(JSON.stringify(json));
        });
      });
    });
    const path = join(dir, 'gateway.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    return { env: { GALAPAGOS_GATEWAY: path }, requests };
  }

  it('evolves its own directory through the gateway, and the child still runs', async () => {
    const dir = await workspace();
    const model = createMutator({ name: 'mutator:numeric', mix: 'numeric' });
    const { env, requests } = await gateway(dir, async (request) => {
      return [200, (await model.complete({ ...request, seed: 4 }, signal)).completion];
    });
    const { stdout, code } = await run(dir, ['meta.mjs'], brief, env);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ summary: expect.stringMatching(/ in \w+\.mjs: /) });
    expect(await readFile(join(dir, 'pack.mjs'), 'utf8')).not.toBe(await readFile(join(seedDir, 'pack.mjs'), 'utf8'));
    expect(JSON.stringify(requests[0]!.messages)).toContain('strategies/: b_gen2');
    expect((await run(dir, ['task.mjs'], '{"n":26,"seed":1}')).code).toBe(0);
  });

  it('keeps what it has when the gateway stops answering midway, and fails when it never answers', async () => {
    const dir = await workspace();
    const call = { id: '1', type: 'function', function: { name: 'list', arguments: '{}' } };
    const message = { role: 'assistant', content: null, tool_calls: [call] };
    const { env } = await gateway(dir, async (_request, turn) => {
      return turn === 0 ? [200, { choices: [{ message }] }] : [429, { error: 'no tokens left' }];
    });
    const { code, stdout } = await run(dir, ['meta.mjs'], brief, env);
    expect([code, JSON.parse(stdout).summary]).toEqual([0, expect.stringContaining('429')]);
    const dead = await run(dir, ['meta.mjs'], brief, { GALAPAGOS_GATEWAY: join(dir, 'nobody.sock') });
    expect(dead.code).toBe(1);
  });
});

describe('the tools', () => {
  async function tools() {
    const dir = await workspace();
    const toolbox = createToolbox(dir);
    return { dir, use: (name: string, args: object) => toolbox.call({ name, arguments: JSON.stringify(args) }) };
  }

  it('list, view, edit, undo and diff', async () => {
    const { dir, use } = await tools();
    await use('create', { path: 'sub/a.txt', content: 'one\ntwo\nthree\n' });
    const names = (await use('list', {})).split('\n');
    expect(names).toContain('sub/');
    expect(names).toEqual([...names].sort());
    expect(await use('view', { path: 'sub/a.txt', start: 2, end: 2 })).toBe('    2\ttwo');
    expect(await use('str_replace', { path: 'sub/a.txt', old: 'two', new: '$& 2' })).toBe('edited sub/a.txt');
    await use('insert', { path: 'sub/a.txt', line: 1, text: 'between' });
    expect(await readFile(join(dir, 'sub/a.txt'), 'utf8')).toBe('one\nbetween\n$& 2\nthree\n');
    await use('undo', {});
    expect(await use('diff', {})).toBe('--- sub/a.txt, line 1\n+one\n+$& 2\n+three\n');
    expect(await use('delete', { path: 'sub/a.txt' })).toBe('deleted sub/a.txt');
    expect(await use('diff', {})).toBe('(no changes)');
  });

  it('answer mistakes with an error that does not tell where the directory lies', async () => {
    const { dir, use } = await tools();
    const answers = [
      await use('view', { path: 'missing.txt' }),
      await use('list', { path: 'missing' }),
      await use('view', { path: '../secret' }),
      await use('create', { path: '/etc/x', content: '' }),
      await use('str_replace', { path: 'pack.mjs', old: 'const', new: 'x' }),
      await use('create', { path: 'a' }),
      await use('view', { path: 'pack.mjs', start: 'one' }),
      await use('list', { path: '.', all: true }),
      await use('undo', {}),
      await use('constructor', {}),
    ];
    for (const answer of answers) expect(answer).toMatch(/^error: /);
    expect(answers.join('\n')).not.toContain(dir);
  });

  it('run a command, and say how it ended', async () => {
    const { dir, use } = await tools();
    await writeFile(join(dir, 'note.txt'), 'hello');
    expect(await use('bash', { command: 'cat note.txt; exit 3' })).toBe('hello\n[exit code 3]');
    const long = await use('bash', { command: 'head -c 300000 /dev/zero | tr "\\0" x' });
    expect(long.length).toBeLessThan(30_000);
    expect(long).toMatch(/\[cut: \d+ more characters\]\n\[exit code 0\]$/);
  });
});
