import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished } from 'vitest';
import type { Sandbox, SandboxGap, SandboxProvider, SandboxSpec } from '../../sandboxes/sandbox.ts';
import { textFile, textOf } from '../../src/core/file-tree.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { itNeeds } from '../support/require-service.ts';
import { hostilePrograms, usualLimits as limits, never, run, sandboxSpec, wideLimits } from './sandbox-setting.ts';

export { hostilePrograms, never, run, sandboxSpec, wideLimits };

/** A temporary directory that is gone after the test. */
export function tempDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'gal-test-')));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/**
 * What a workspace promises, whatever runs the commands.
 * @param open - A sandbox whose commands do nothing that these tests rely on.
 */
export function workspaceSuite(
  name: string,
  open: (spec: SandboxSpec) => Promise<Sandbox>,
  missing: string | null = null,
) {
  describe(`Sandbox workspace: ${name}`, () => {
    const test = itNeeds(name, missing);

    test('returns what was put, byte for byte, in path order', async () => {
      const files = new Map([
        ['b/deep/two.bin', { bytes: new Uint8Array([0, 255, 10, 13]), isExecutable: false }],
        ['a.sh', textFile('#!/bin/sh\n', true)],
        ['b/ünï.txt', textFile('é')],
      ]);
      await using sandbox = await open(sandboxSpec({ files }));
      await sandbox.put(new Map([['c', textFile('later')]]));
      const tree = await sandbox.get(wideLimits);
      expect([...tree.keys()]).toEqual(['a.sh', 'b/deep/two.bin', 'b/ünï.txt', 'c']);
      expect(tree.get('b/deep/two.bin')).toEqual(files.get('b/deep/two.bin'));
      expect(tree.get('a.sh')?.isExecutable).toBe(true);
      expect(tree.get('c')?.bytes.constructor).toBe(Uint8Array);
    });

    test('puts a file over another, and over a directory', async () => {
      await using sandbox = await open(
        sandboxSpec({
          files: new Map([
            ['x', textFile('1')],
            ['d/e', textFile('2')],
          ]),
        }),
      );
      await sandbox.put(
        new Map([
          ['x', textFile('new', true)],
          ['d', textFile('now a file')],
        ]),
      );
      const tree = await sandbox.get(wideLimits);
      expect([...tree].map(([path, file]) => [path, textOf(file.bytes)])).toEqual([
        ['d', 'now a file'],
        ['x', 'new'],
      ]);
      expect(tree.get('x')?.isExecutable).toBe(true);
    });

    test.each(['../out', '/etc/passwd', 'a/../../b', '', 'a//b', '.git/config', 'a\0b', 'a\\b'])(
      'refuses to put the path %j',
      async (path) => {
        await using sandbox = await open(sandboxSpec());
        await expect(sandbox.put(new Map([[path, textFile('x')]]))).rejects.toMatchObject({ code: 'GENOME_INVALID' });
        expect(await sandbox.get(wideLimits)).toEqual(new Map());
      },
    );

    test.each([
      ['files', { maxFiles: 2 }],
      ['bytes', { maxBytes: 25 }],
      ['bytes of one file', { maxFileBytes: 9 }],
    ])('refuses a tree with too many %s', async (_what, tight) => {
      const files = new Map(['a', 'b', 'c'].map((path) => [path, textFile('0123456789')]));
      await using sandbox = await open(sandboxSpec({ files }));
      await expect(sandbox.get({ ...wideLimits, ...tight })).rejects.toMatchObject({ code: 'GENOME_INVALID' });
      expect((await sandbox.get({ maxFiles: 3, maxBytes: 30, maxFileBytes: 10 })).size).toBe(3);
    });

    test('leaves mounts out of the tree, and refuses to put anything below one', async () => {
      const source = tempDirectory();
      writeFileSync(join(source, 'peer.txt'), 'from a peer');
      await using sandbox = await open(sandboxSpec({ mounts: [{ source, target: 'strategies' }] }));
      expect(await sandbox.get(wideLimits)).toEqual(new Map());
      await expect(sandbox.put(new Map([['strategies/x', textFile('x')]]))).rejects.toMatchObject({
        code: 'GENOME_INVALID',
      });
    });

    test('rejects every operation after disposal, and disposes twice without complaint', async () => {
      const sandbox = await open(sandboxSpec());
      await sandbox[Symbol.asyncDispose]();
      await sandbox[Symbol.asyncDispose]();
      await expect(run(sandbox, ['true'])).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
      await expect(sandbox.put(new Map())).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
      await expect(sandbox.get(wideLimits)).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    });
  });
}

/** What a provider measures of a command; what it does not measure is `null` in every result. */
export type Counter = 'cpuMs' | 'peakMemoryMiB' | 'bytesWritten';

/**
 * The contract of `SandboxProvider`. A gap that the provider declares must
 * really be one: if the guarantee holds, the test fails.
 * @param counters - What it measures: by default everything.
 */
export function sandboxSuite(
  name: string,
  create: () => SandboxProvider,
  missing: string | null = null,
  counters: readonly Counter[] = ['cpuMs', 'peakMemoryMiB', 'bytesWritten'],
): void {
  const gaps = create().gaps;
  workspaceSuite(name, (spec) => openOwn(create, spec), missing);

  describe(`SandboxProvider contract: ${name}`, () => {
    const test = itNeeds(name, missing);
    let provider: SandboxProvider;
    beforeAll(() => {
      provider = create();
    });
    afterAll(() => provider[Symbol.asyncDispose]());
    const open = (change: Partial<SandboxSpec> = {}) =>
      provider.open(sandboxSpec({ files: hostilePrograms, ...change }), never);

    /** @param holds - Whether the guarantee held; setting it up must work either way. */
    const guarantee = (gap: SandboxGap, title: string, holds: () => Promise<boolean>) => {
      const isGap = gaps.includes(gap);
      test(isGap ? `[declared gap: ${gap}] does not: ${title}` : title, async () => {
        expect(await holds(), isGap ? `the gap ${gap} is closed: remove it from the list` : title).toBe(!isGap);
      });
    };

    describe('commands', () => {
      test('passes arguments, input and environment as they are, and runs in the workspace', async () => {
        await using sandbox = await open();
        const odd = ['', '$HOME; `id`', '--help', 'a\nb', 'ü'];
        const self = await run(sandbox, ['node', 'describe-self.mjs', ...odd], { env: { EXTRA: "it's $1" } });
        const seen = JSON.parse(self.stdout);
        expect(seen.argv).toEqual(odd);
        expect(seen.env.EXTRA).toBe("it's $1");
        const echo = await run(sandbox, ['cat'], { stdin: 'zeile\nÿ' });
        expect(echo.stdout).toBe('zeile\nÿ');
        expect((await run(sandbox, ['cat'])).stdout).toBe('');
        expect((await run(sandbox, ['ls'])).stdout).toContain('describe-self.mjs');
      });

      test('reports status and signal of a command that ends by itself', async () => {
        await using sandbox = await open();
        const failed = await run(sandbox, ['sh', '-c', 'echo out; echo err >&2; exit 7']);
        expect(failed).toMatchObject({
          exitCode: 7,
          signal: null,
          stoppedBy: 'exit',
          stdout: 'out\n',
          stderr: 'err\n',
        });
        const killed = await run(sandbox, ['sh', '-c', 'kill -KILL $$']);
        expect(killed).toMatchObject({ exitCode: null, signal: 'SIGKILL', stoppedBy: 'exit' });
        expect(failed.wallMs).toBeGreaterThan(0);
      });

      test('reports a program that does not exist as a result', async () => {
        await using sandbox = await open();
        expect(await run(sandbox, ['no-such-program'])).toMatchObject({ exitCode: 127, stoppedBy: 'exit' });
      });

      test.each([
        ['a NUL byte', 'a\0b'],
        ['too long an argument', 'x'.repeat(300_000)],
      ])('reports a command with %s as a result: its author is the candidate', async (_what, argument) => {
        await using sandbox = await open();
        expect(await run(sandbox, ['echo', argument])).toMatchObject({ exitCode: 127, stoppedBy: 'exit', stdout: '' });
      });

      test('keeps files and drops processes between commands', async () => {
        await using sandbox = await open();
        await run(sandbox, ['sh', '-c', 'mkdir -p d; echo one > d/f; echo two > "$HOME/g"']);
        expect((await run(sandbox, ['sh', '-c', 'cat d/f "$HOME/g"'])).stdout).toBe('one\ntwo\n');
        expect(textOf((await sandbox.get(wideLimits)).get('d/f')!.bytes)).toBe('one\n');
      });

      test('turns bad bytes of output into U+FFFD', async () => {
        await using sandbox = await open();
        expect((await run(sandbox, ['printf', 'a\\377b'])).stdout).toBe('a\uFFFDb');
      });

      test('runs commands of one sandbox one after the other', async () => {
        await using sandbox = await open();
        const append = (word: string) =>
          run(sandbox, ['sh', '-c', `echo ${word}-in >> log; sleep 0.02; echo ${word}-out >> log`]);
        await Promise.all(['a', 'b', 'c'].map(append));
        const log = textOf((await sandbox.get(wideLimits)).get('log')!.bytes)!
          .trim()
          .split('\n');
        expect(log).toEqual(['a-in', 'a-out', 'b-in', 'b-out', 'c-in', 'c-out']);
      });
    });

    describe('stopping', () => {
      test.each(['endless-loop.mjs', 'ignores-sigterm.mjs'])('stops %s at its time limit', async (program) => {
        await using sandbox = await open();
        const end = await run(sandbox, ['node', program], { timeoutMs: 250 });
        expect(end).toMatchObject({ stoppedBy: 'timeout', exitCode: null });
        expect(end.wallMs).toBeGreaterThanOrEqual(245);
        expect(end.wallMs).toBeLessThan(3_000);
        expect((await run(sandbox, ['echo', 'usable'])).stdout).toBe('usable\n');
      });

      test('stops a command whose signal aborts, and starts none when it has', async () => {
        await using sandbox = await open();
        const abort = new AbortController();
        // It calls the gateway once it runs, and gets no answer.
        await sandbox.connect(await listen(() => abort.abort()));
        const started = ['sh', '-c', 'echo started; exec node ask-gateway.mjs'];
        const running = run(sandbox, started, { signal: abort.signal });
        expect(await running).toMatchObject({ stoppedBy: 'cancelled', exitCode: null, stdout: 'started\n' });
        const late = await run(sandbox, ['sh', '-c', 'touch ran'], { signal: abort.signal });
        expect(late.stoppedBy).toBe('cancelled');
        expect((await sandbox.get(wideLimits)).has('ran')).toBe(false);
      });

      test('rejects a command that is running when the sandbox is disposed of, and kills it', async () => {
        const sandbox = await open();
        const running = run(sandbox, ['sleep', '20']);
        const outcome = expect(running).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
        await new Promise((resolve) => setTimeout(resolve, 80));
        await sandbox[Symbol.asyncDispose]();
        await outcome;
      });

      test('refuses to open under an aborted signal', async () => {
        await expect(provider.open(sandboxSpec(), AbortSignal.abort())).rejects.toMatchObject({
          code: 'SANDBOX_UNAVAILABLE',
        });
      });

      test('cuts a flood of output at the cap and stops the command', async () => {
        await using sandbox = await open();
        const end = await run(sandbox, ['node', 'output-flood.mjs'], { maxOutputBytes: 10_000 });
        expect(end.stoppedBy).toBe('output');
        expect(end.stdout).toBe('x'.repeat(10_000));
      });
    });

    describe('limits', () => {
      guarantee(
        'daemon-containment',
        'nothing outlives a command, not even a daemon in a session of its own',
        async () => {
          await using sandbox = await open();
          expect((await run(sandbox, ['node', 'daemon.mjs'])).stdout).toBe('left a daemon\n');
          const beats = async () => (await sandbox.get(wideLimits)).get('beat')!.bytes.length;
          const before = await beats();
          await new Promise((resolve) => setTimeout(resolve, 250));
          return (await beats()) === before;
        },
      );

      guarantee('pid-limit', 'a fork bomb meets the limit on processes', async () => {
        await using sandbox = await open({ limits: { ...limits, pids: 40 } });
        // It stays for a moment, so that one look of a watchdog is enough.
        const end = await run(sandbox, ['node', 'fork-bomb.mjs', '90', '20', '200']);
        expect((await run(sandbox, ['echo', 'usable'])).stdout).toBe('usable\n');
        return end.stdout.trim() === '' || Number(end.stdout) < 40;
      });

      guarantee('memory-limit', 'processes together cannot take more memory than allowed', async () => {
        await using sandbox = await open({ limits: { ...limits, memoryMiB: 160, diskMiB: 4 } });
        const end = await run(sandbox, ['node', 'memory-bomb.mjs', '4', '64']);
        expect((await run(sandbox, ['echo', 'usable'])).stdout).toBe('usable\n');
        if (end.stdout.includes('held 256')) return false;
        expect(end.stoppedBy).toBe('memory');
        return true;
      });

      guarantee('disk-limit', 'workspace and temporary files together cannot take more than the volume', async () => {
        await using sandbox = await open({ limits: { ...limits, diskMiB: 8 } });
        const end = await run(sandbox, ['node', 'disk-filler.mjs', '24']);
        const [written, error] = end.stdout.trim().split(' ');
        if (error === 'none') return false;
        expect(error).toBe('ENOSPC');
        return Number(written) <= 8;
      });
    });

    describe('counters', () => {
      /** Runs a program that uses `amount` of what is counted, and one that uses next to nothing. */
      const counter = (which: Counter, program: string, amount: number, ceiling: number) => {
        const isGiven = counters.includes(which);
        test(isGiven ? `counts ${which} of a command and its children` : `has no ${which}, and says so`, async () => {
          await using idle = await open();
          const little = await run(idle, ['true']);
          await using sandbox = await open();
          const end = await run(sandbox, ['sh', '-c', `node -e '${program}' & wait`]);
          expect(end).toMatchObject({ exitCode: 0, stderr: '' });
          const flood = ['sh', '-c', `node -e '${program}'; exec node output-flood.mjs`];
          const stopped = await run(sandbox, flood, { maxOutputBytes: 1_000 });
          expect(stopped.stoppedBy).toBe('output');
          if (!isGiven) return expect([little, end, stopped].map((one) => one[which])).toEqual([null, null, null]);
          expect(end[which]).toBeGreaterThanOrEqual(amount);
          expect(end[which]).toBeLessThan(ceiling);
          expect(little[which] ?? 0).toBeLessThan(amount / 2);
          // Nobody buries what is killed together; it counts all the same.
          expect(stopped[which]).toBeGreaterThanOrEqual(amount);
        });
      };
      counter(
        'cpuMs',
        'for (const start = process.cpuUsage(); process.cpuUsage(start).user < 2e5; ) for (let i = 0; i < 1e6; i += 1);',
        200,
        5_000,
      );
      counter('peakMemoryMiB', 'Buffer.alloc(96 << 20, 1); setTimeout(() => {}, 150);', 96, 208);
      const write = 'for (let i = 0; i < 16; i += 1) require("fs").writeFileSync("f" + i % 2, Buffer.alloc(1 << 16));';
      counter('bytesWritten', write, 2 ** 20, 2 ** 20 + 65_536);
    });

    guarantee(
      'internal-network',
      'sandboxes of one run that share a network reach each other, and nobody else does',
      async () => {
        const network = 'team';
        await using server = await open({ network });
        await using peer = await open({ network });
        await using stranger = await open({ network: 'another-team' });
        await using loner = await open();
        await using other = await open({ network, run: parseRunId('another-run') });
        const stop = new AbortController();
        let told = (_where: string) => {};
        const where = new Promise<string>((resolve) => (told = resolve));
        await server.connect(await listen((caller) => caller.once('data', (text) => told(String(text)))));
        const serving = run(server, ['node', 'serve.mjs'], { signal: stop.signal, timeoutMs: 20_000 });
        const address = (await where).split(' ');
        const answers: string[] = [];
        for (const from of [peer, stranger, loner, other]) {
          answers.push((await run(from, ['node', 'connect.mjs', ...address])).stdout);
        }
        stop.abort();
        await serving;
        const [fromPeer, ...fromOthers] = answers;
        return fromPeer!.startsWith('connected: hello') && fromOthers.every((answer) => answer.startsWith('refused'));
      },
    );

    describe('files', () => {
      test.each([
        'link-to-file',
        'link-to-directory',
        'link-to-nowhere',
        'link-in-a-directory',
        'hard-link',
        'fifo',
        'socket',
        'git-directory',
        'name-with-newline',
        // APFS refuses to make such a name.
        ...(process.platform === 'darwin' ? [] : ['name-that-is-not-utf-8']),
        'name-with-direction-override',
        'name-with-backslash',
        'path-too-long',
        'unreadable-file',
        'unreadable-directory',
      ])('refuses to carry a tree with a %s', async (kind) => {
        await using sandbox = await open();
        await run(sandbox, ['node', 'plant.mjs', kind]);
        await expect(sandbox.get(wideLimits)).rejects.toMatchObject({
          code: 'GENOME_INVALID',
          message: expect.stringContaining('the path "'),
        });
      });

      test('never writes through a link that a candidate has planted', async () => {
        const outside = tempDirectory();
        writeFileSync(join(outside, 'precious'), 'untouched');
        await using sandbox = await open({ files: new Map() });
        await run(sandbox, ['sh', '-c', `ln -s ${outside}/precious file; ln -s ${outside} directory; mkfifo pipe`]);
        await sandbox.put(
          new Map([
            ['file', textFile('1')],
            ['directory/precious', textFile('2')],
            ['pipe', textFile('3')],
          ]),
        );
        expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('untouched');
        expect([...(await sandbox.get(wideLimits)).keys()]).toEqual(['directory/precious', 'file', 'pipe']);
      });

      test('refuses more files and more bytes than the limits, however cheap they were to make', async () => {
        await using sandbox = await open();
        await run(sandbox, ['node', 'many-files.mjs', '1200']);
        await expect(sandbox.get(wideLimits)).rejects.toMatchObject({ code: 'GENOME_INVALID' });
        await using other = await open();
        await run(other, ['node', 'big-file.mjs', '5']);
        await expect(other.get(wideLimits)).rejects.toThrow(/"sparse" has 5242880 bytes/);
      });

      test('shows a mount to commands, and nothing they do reaches its source', async () => {
        const source = tempDirectory();
        writeFileSync(join(source, 'known'), 'original');
        await using sandbox = await open({ mounts: [{ source, target: 'strategies' }] });
        expect((await run(sandbox, ['cat', 'strategies/known'])).stdout).toBe('original');
        await run(sandbox, ['node', 'write-mount.mjs', 'strategies']);
        expect(readdirSync(source)).toEqual(['known']);
        expect(readFileSync(join(source, 'known'), 'utf8')).toBe('original');
      });

      guarantee('read-only-mounts', 'a mount refuses every way of writing', async () => {
        const source = tempDirectory();
        writeFileSync(join(source, 'known'), 'original');
        await using sandbox = await open({ mounts: [{ source, target: 'strategies' }] });
        const end = await run(sandbox, ['node', 'write-mount.mjs', 'strategies']);
        return JSON.parse(end.stdout).length === 0;
      });

      test.each([
        ['a source that is not there', { source: '/no/such/directory', target: 'x' }],
        ['a target with a slash', { source: '/usr', target: 'x/y' }],
        ['a target that leads out', { source: '/usr', target: '..' }],
        ['a relative source', { source: 'usr', target: 'x' }],
      ])('refuses a mount with %s', async (_what, mount) => {
        await expect(open({ mounts: [mount] })).rejects.toMatchObject({
          code: expect.stringMatching(/SANDBOX_UNAVAILABLE|GENOME_INVALID/),
        });
      });
    });

    describe('isolation', () => {
      let server: Server;
      beforeAll(async () => {
        server = createServer((socket) => socket.end('hello from the host'));
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      });
      afterAll(() => new Promise((resolve) => server.close(resolve)));

      guarantee('network-isolation', 'no connection leaves the sandbox, not even to the host itself', async () => {
        await using sandbox = await open();
        const { port } = server.address() as { port: number };
        const end = await run(sandbox, ['node', 'connect.mjs', '127.0.0.1', String(port)]);
        expect(end.stdout).toMatch(/^(connected: hello|refused: E)/);
        return end.stdout.startsWith('refused');
      });

      guarantee('filesystem-isolation', 'no file of the host can be read', async () => {
        const outside = tempDirectory();
        writeFileSync(join(outside, 'secret'), 'the key');
        await using sandbox = await open();
        const end = await run(sandbox, ['node', 'read-path.mjs', join(outside, 'secret')]);
        expect(end.stdout).toMatch(/^(read: the key|refused: E)/);
        return end.stdout.startsWith('refused');
      });

      test('reaches the model gateway through its socket', async () => {
        const socket = await listen((peer) => peer.end('answer'));
        await using sandbox = await open();
        const ask = async () => (await run(sandbox, ['node', 'ask-gateway.mjs'])).stdout;
        expect(await ask()).toBe('no gateway\n');
        await sandbox.connect(socket);
        expect(await ask()).toBe('gateway: answer\n');
        await sandbox.connect(null);
        expect(await ask()).toBe('no gateway\n');
      });

      test('passes no environment of the host', async () => {
        process.env.GALAPAGOS_TEST_SECRET = 'sk-not-for-you';
        onTestFinished(() => void delete process.env.GALAPAGOS_TEST_SECRET);
        await using sandbox = await open();
        const { env } = JSON.parse((await run(sandbox, ['node', 'describe-self.mjs'])).stdout);
        expect(JSON.stringify(env)).not.toContain('sk-not-for-you');
        const allowed = [
          'HOME',
          'LANG',
          'NODE_OPTIONS',
          'OLDPWD',
          'PATH',
          'PWD',
          'SHLVL',
          'TMPDIR',
          '_',
          '__CF_USER_TEXT_ENCODING',
        ];
        expect(Object.keys(env).filter((name) => !allowed.includes(name))).toEqual([]);
      });

      test('takes nothing that a candidate prints for its result', async () => {
        await using sandbox = await open();
        expect(await run(sandbox, ['node', 'fake-score.mjs'])).toMatchObject({ exitCode: 3, stoppedBy: 'exit' });
        const forged = await run(sandbox, ['node', 'forge-report.mjs']);
        expect(forged).toMatchObject({ exitCode: null, stoppedBy: 'exit', signal: expect.stringMatching(/^SIG/) });
      });

      test('keeps eight sandboxes apart that work at the same time', async () => {
        const results = await Promise.all(
          Array.from({ length: 8 }, async (_unused, i) => {
            await using sandbox = await provider.open(
              sandboxSpec({ files: new Map([['me', textFile(String(i))]]) }),
              never,
            );
            await run(sandbox, ['sh', '-c', 'cat me > copy; echo "$PWD" > "$HOME/where"']);
            const tree = await sandbox.get(wideLimits);
            return [...tree].map(([path, file]) => `${path}=${textOf(file.bytes)}`).join();
          }),
        );
        expect(results).toEqual(Array.from({ length: 8 }, (_unused, i) => `copy=${i},me=${i}`));
      });
    });
  });
}

/** A stand-in for a gateway. @returns the path of its socket. */
export async function listen(onConnection: (peer: Socket) => void): Promise<string> {
  const socket = join(tempDirectory(), 'g.sock');
  const server = createServer((peer) => {
    peer.on('error', () => {});
    onConnection(peer);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => void server.close());
  return socket;
}

async function openOwn(create: () => SandboxProvider, spec: SandboxSpec): Promise<Sandbox> {
  return create().open(spec, never);
}
