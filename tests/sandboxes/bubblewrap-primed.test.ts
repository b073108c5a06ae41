import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCgroupHome } from '../../sandboxes/bubblewrap/cgroups.ts';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { lineFor } from '../../sandboxes/bubblewrap/primed-box.ts';
import { kill } from '../../sandboxes/process-tree.ts';
import type { ExecOptions, Sandbox, SandboxSpec } from '../../sandboxes/sandbox.ts';
import { textFile, textOf } from '../../src/core/file-tree.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { processesNaming } from '../conformance/hostile/world.ts';
import { hostilePrograms, listen, never, run, sandboxSpec, wideLimits } from '../conformance/sandbox.suite.ts';
import { itNeeds } from '../support/require-service.ts';

const provider = createBubblewrapProvider();
const status = await provider.probe();
const missing = status.usable
  ? findCgroupHome() === null
    ? 'neither version 1 nor a delegated version 2 of control groups can be written'
    : null
  : `${status.why}; ${status.fix}`;
const open = (change: Partial<SandboxSpec> = {}) =>
  provider.open(sandboxSpec({ files: hostilePrograms, ...change }), never);

/** A candidate sees how its process 1 was started. */
const wasPrimed = (commandLine: string) => commandLine.includes('read -r line');
const seeProcess1 = ['cat', '/proc/1/cmdline'];

/** The same as the first command of one sandbox, whose box was started ahead, and as the second of another. */
async function bothWays(
  argv: readonly string[],
  options: Partial<ExecOptions> = {},
  change: Partial<SandboxSpec> = {},
) {
  await using fresh = await open(change);
  const primed = await run(fresh, argv, options);
  await using used = await open(change);
  expect(wasPrimed((await run(used, seeProcess1)).stdout)).toBe(true);
  const direct = await run(used, argv, options);
  return { primed, direct };
}

const outcome = ({ exitCode, signal, stoppedBy, stdout, stderr }: Awaited<ReturnType<typeof run>>) => ({
  ...{ exitCode, signal, stoppedBy, stdout, stderr },
});

it('hands nothing to a shell that it might take for an option of its own', () => {
  expect(lineFor(['-a', 'x', 'y'], { maxOutputBytes: 65_536 }, 'word')).toBeNull();
  expect(lineFor(['a', '-x', 'y'], { maxOutputBytes: 65_536 }, 'word')).toContain("exec 'a' '-x' 'y'");
});

describe('a box that was started before its command', () => {
  const test = itNeeds('bubblewrap and control groups', missing);

  test('is what the first command of a sandbox becomes, and no later one', async () => {
    await using sandbox = await open();
    expect(wasPrimed((await run(sandbox, seeProcess1)).stdout)).toBe(true);
    expect(wasPrimed((await run(sandbox, seeProcess1)).stdout)).toBe(false);
  });

  test('hands arguments over byte for byte', { timeout: 120_000 }, async () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => !text.includes('\0') && !/\p{Cs}/u.test(text)),
      fc.constantFrom(
        '',
        '\n',
        "'",
        '"$n"',
        '$w',
        '`id`',
        '\\',
        '\n\n',
        '-n',
        '--',
        '~',
        '*',
        '#',
        '\u0081\u0088',
        '\r\n',
        '🦎',
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 12 }), async (words) => {
        await using sandbox = await open({ files: new Map() });
        const end = await run(sandbox, ['printf', '%s\\0', ...words, '/proc/1/cmdline']);
        expect(end.stdout.split('\0').slice(0, -2)).toEqual(words);
      }),
      { numRuns: 25 },
    );
  });

  test.each([
    ['starts with a line feed', '\n\nx'],
    ['looks like a line of shell', 'touch ran; exit\ntouch ran\n'],
    ['holds a NUL and every kind of line end', 'a\0b\r\nc\u2028\n\0'],
    ['is longer than any buffer', `${'0123456789abcdef\n'.repeat(200_000)}end`],
    ['is empty', ''],
  ])('leaves the input to the command, to the byte, when it %s', async (_what, stdin) => {
    await using sandbox = await open({ files: new Map() });
    const end = await run(sandbox, ['sh', '-c', 'sha256sum; cat /proc/1/cmdline'], { stdin });
    expect(end.stdout.slice(0, 64)).toBe(createHash('sha256').update(stdin).digest('hex'));
    expect(wasPrimed(end.stdout)).toBe(true);
    expect(await sandbox.get(wideLimits)).toEqual(new Map());
  });

  test('gives a process exactly what a box of its own gives: environment, descriptors, rights, limits, group', async () => {
    const program = [
      'env -0 | sort -z | grep -zv "^_=" | tr "\\0" "\\n"',
      'for fd in /proc/$$/fd/*; do echo "${fd##*/} $(readlink "$fd" | tr -d "[0-9]")"; done',
      'cat /proc/$$/limits /proc/$$/cgroup /proc/$$/oom_score_adj; readlink /proc/$$/cwd /proc/$$/exe /proc/$$/root',
      'tr "\\0" "\\n" < /proc/$$/cmdline; cat /proc/$$/comm; pwd; umask; echo /proc/[0-9]*; trap; set -o',
      'cut -d " " -f 1,3 /proc/$$/mounts | sort; nice; id',
    ].join('\n');
    const { primed, direct } = await bothWays(['sh', '-c', program]);
    expect(outcome(primed)).toEqual(outcome(direct));
    expect(primed.stdout).toContain('HOME=/tmp\nLANG=C.UTF-8\n');
    const rights =
      '^(Pid|PPid|Tgid|[UG]id|Groups|Sig(Pnd|Blk|Ign|Cgt)|ShdPnd|Cap.*|Seccomp|NoNewPrivs|Umask|NS.*|Threads):';
    const ownStatus = await bothWays(['grep', '-E', rights, '/proc/self/status']);
    expect(ownStatus.primed.stdout).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(outcome(ownStatus.primed)).toEqual(outcome(ownStatus.direct));
    expect(primed.stdout).toMatch(/^0 socket:.*\n1 socket:.*\n2 socket:.*\n/m);
  });

  const script = (text: string, isExecutable = true) => textFile(text, isExecutable);
  const odd = new Map([
    ['no-shebang', script('echo "ran $0 $*"')],
    ['bad-interpreter', script('#!/no/such/interpreter\n')],
    ['not-executable', script('#!/bin/sh\necho ran\n', false)],
    ['a=b', script('#!/bin/sh\necho "ran $0 $*"\n')],
    ['-x', script('#!/bin/sh\necho ran\n')],
    ['empty', script('')],
    ['binary', { bytes: new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2]), isExecutable: true }],
  ]);
  test('starts every odd program as a box of its own does, or says in the same words why not', {
    timeout: 120_000,
  }, async () => {
    const programs = [
      ...['no-such-program', 'no-shebang', './no-shebang', './bad-interpreter', './not-executable', './a=b', 'a=b'],
      ...[
        './-x',
        '-x',
        '',
        '.',
        '/tmp',
        '/etc/passwd',
        '/etc/passwd/x',
        './empty',
        './binary',
        '/workspace/no-shebang',
      ],
      ...['--', ':', '!', 'cd', 'exit', 'eval', 'export', 'trap', 'exec', 'true', 'if', '{', 'x'.repeat(300)],
      ...['no\nsuch', "it's", '~', '$0', '*', 'echo', 'test', '[', '/bin/sh', 'cat'],
    ];
    const start = async (sandbox: Sandbox, file: string) =>
      outcome(await run(sandbox, [file, 'one', "t'wo"], { stdin: 'echo from standard input\n' }));
    await using used = await open({ files: odd });
    await run(used, ['true']);
    for (const file of programs) {
      await using fresh = await open({ files: odd });
      expect(await start(fresh, file), file).toEqual(await start(used, file));
    }
  });

  test.each([
    ['no program at all', []],
    ['a NUL byte', ['echo', 'a\0b']],
    ['an argument of 128 KiB', ['sh', '-c', 'echo ${#1}', 'sh', 'x'.repeat(131_071)]],
    ['a longer argument than the system takes', ['echo', 'x'.repeat(131_072)]],
    ['many long arguments', ['sh', '-c', 'echo $#', 'sh', ...Array(1_700).fill('y'.repeat(1_000))]],
    ['more arguments than the system takes', ['echo', ...Array(3_000).fill('y'.repeat(1_000))]],
  ])('treats a command with %s as before', async (_what, argv) => {
    await using fresh = await open();
    await using used = await open();
    await run(used, ['true']);
    const [first, second] = await Promise.all(
      [fresh, used].map((sandbox) => run(sandbox, argv).then(outcome, (error: Error) => error.message)),
    );
    expect(first).toEqual(second);
    expect((await run(fresh, ['echo', 'usable'])).stdout).toBe('usable\n');
  });

  test.each([
    ['a status', 'exit 3'],
    ['a status like that of a signal', 'exit 137'],
    ['the status of a program that is not found', 'echo "sh: 1: exec: sh: not found" >&2; exit 127'],
    ['the status of a program that cannot run', 'exit 126'],
    ['a signal', 'kill -TERM $$'],
    ['a signal that dumps core', 'kill -SEGV $$'],
    ['a signal that ends its whole group', 'kill -KILL 0'],
  ])('reports %s as before, and runs the command once', async (_what, how) => {
    const { primed, direct } = await bothWays(['sh', '-c', how]);
    expect(outcome(primed)).toEqual(outcome(direct));
    await using sandbox = await open({ files: new Map() });
    await run(sandbox, ['sh', '-c', `echo ran >> log; ${how}`]);
    expect(textOf((await sandbox.get(wideLimits)).get('log')!.bytes)).toBe('ran\n');
  });

  test('runs no command twice that looks for the word of a failed start, and says what it finds', async () => {
    const program = `
      import os, re, sys
      open('log', 'a').write('ran\\n')
      found = set()
      for path in ['/proc/1/cmdline', '/proc/1/environ', '/proc/self/cmdline', '/proc/self/environ', '/proc/1/mem', '/proc/self/maps']:
          try: found |= set(re.findall(rb'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}', open(path, 'rb').read()))
          except OSError: pass
      for line in open('/proc/self/maps'):
          start, end = (int(x, 16) for x in line.split()[0].split('-'))
          try:
              memory = open('/proc/self/mem', 'rb'); memory.seek(start)
              found |= set(re.findall(rb'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}', memory.read(end - start)))
          except (OSError, ValueError, OverflowError): pass
      os.write(1, b'%d\\n' % len(found))
      for word in found or {b'none'}: os.write(2, word + b'\\n')
      sys.exit(127)`;
    const files = new Map([['look.py', textFile(program.replaceAll('\n      ', '\n'))]]);
    await using sandbox = await open({ files });
    const end = await run(sandbox, ['python3', 'look.py'], { maxOutputBytes: 1_000_000 });
    if (end.stderr.includes('No such file')) return expect(end.exitCode).toBe(127);
    expect(end).toMatchObject({ exitCode: 127, stdout: '0\n', stderr: 'none\n' });
    expect(textOf((await sandbox.get(wideLimits)).get('log')!.bytes)).toBe('ran\n');
  });

  test('runs nothing of the workspace that is named like something it uses', async () => {
    const trap = script('#!/bin/sh\ntouch /tmp/trapped\n');
    const names = [
      'sh',
      'shopt',
      'read',
      'eval',
      'unset',
      'node',
      '.profile',
      '.bashrc',
      '.shinit',
      'ENV',
      'line',
      'echo',
    ];
    await using sandbox = await open({ files: new Map(names.map((name) => [name, trap])) });
    const end = await run(sandbox, ['node', '-p', '1 + 1']);
    expect(end).toMatchObject({ stdout: '2\n', stderr: '', exitCode: 0 });
    expect((await run(sandbox, ['ls', '-A', '/tmp'])).stdout).toBe('');
  });

  test('counts what the command used and not what its box had cost', async () => {
    const program = 'process.stdout.write("x".repeat(1e6)); while (process.cpuUsage().user < 150_000);';
    const { primed, direct } = await bothWays(['node', '-e', program], { maxOutputBytes: 2_000_000 });
    expect(primed.bytesWritten).toBeGreaterThanOrEqual(1_000_000);
    expect(Math.abs(primed.bytesWritten! - direct.bytesWritten!)).toBeLessThan(500);
    expect(primed.cpuMs).toBeGreaterThan(140);
    expect(primed.peakMemoryMiB).toBeGreaterThan(5);
    const little = await bothWays(['true']);
    expect(little.primed.bytesWritten).toBeLessThan(1_000);
    expect(little.primed.cpuMs).toBeLessThan(1_000);
  });

  test('takes no place from the processes that a command may have', async () => {
    const limits = { memoryMiB: 192, cpus: 2, pids: 20, diskMiB: 16 };
    const program = 'i=0; while (sleep 5 & ) 2>/dev/null && [ $i -lt 40 ]; do i=$((i + 1)); done; echo $i';
    const counts = await bothWays(['sh', '-c', program], { timeoutMs: 20_000 }, { limits });
    expect(counts.primed.stdout).toBe(counts.direct.stdout);
    expect(Number(counts.primed.stdout)).toBeLessThan(24);
  });

  test('is still there when a command was cancelled before it began, and gone when it was cancelled later', async () => {
    await using sandbox = await open();
    const early = await run(sandbox, ['touch', 'ran'], { signal: AbortSignal.abort() });
    expect(early).toMatchObject({ stoppedBy: 'cancelled', stdout: '' });
    const abort = new AbortController();
    const running = run(sandbox, ['sh', '-c', 'sleep 20'], { signal: abort.signal });
    setImmediate(() => abort.abort());
    expect(await running).toMatchObject({ stoppedBy: 'cancelled', exitCode: null });
    expect(wasPrimed((await run(sandbox, seeProcess1)).stdout)).toBe(false);
    expect((await sandbox.get(wideLimits)).has('ran')).toBe(false);
  });

  test('reaches a gateway that its sandbox was connected to later, and none when that is gone', async () => {
    const socket = await listen((peer) => peer.end('answer'));
    const program = 'node ask-gateway.mjs; env -0 | sort -z | tr "\\0" "\\n"; ls -la --time-style=+ /run/galapagos';
    // The path of a socket may have 107 bytes; that of this sandbox's directory has more.
    const longestName = parseRunId('r'.repeat(63));
    const afterwards = async (isLate: boolean) => {
      await using sandbox = await open({ run: longestName });
      if (isLate) await run(sandbox, ['true']);
      await sandbox.connect(socket);
      const end = await run(sandbox, ['sh', '-c', program]);
      await sandbox.connect(null);
      const later = (await run(sandbox, ['sh', '-c', program])).stdout;
      expect(later).toMatch(/^no gateway\nHOME=/);
      expect(later).not.toContain('gateway.sock');
      return outcome(end);
    };
    const primed = await afterwards(false);
    expect(primed.stdout).toMatch(/^gateway: answer\nGALAPAGOS_GATEWAY=\/run\/galapagos\/gateway.sock\nHOME=/);
    expect(primed).toEqual(await afterwards(true));
  });

  test('takes settings whose names mean nothing to a shell, and leaves others to a box of its own', async () => {
    const value = 'it\'s\n$HOME `id` \\ "$n"';
    for (const [name, isPrimed] of [
      ['GALAPAGOS_ODD', true],
      ...['ODD', 'IFS', 'PATH', 'odd.name', 'GALAPAGOS_x y', 'n', 'ENV', 'LD_DEBUG'].map((other) => [other, false]),
    ] as [string, boolean][]) {
      await using sandbox = await open({ files: new Map() });
      const seen = ['/usr/bin/head', '-c', '100000', '/proc/self/environ', '/proc/1/cmdline'];
      const end = await run(sandbox, seen, { env: { [name]: value } });
      expect(end.stdout, name).toContain(`${name}=${value}\0`);
      expect(wasPrimed(end.stdout), name).toBe(isPrimed);
    }
  });

  test("cannot take the gateway's socket away from the next command, nor put another there", async () => {
    await using sandbox = await open();
    await sandbox.connect(await listen((peer) => peer.end('answer')));
    const steps = [
      'chmod 000 $s',
      'chmod 777 ${s%/*}',
      'rm -f $s',
      'mv $s /tmp/x',
      'ln -f $s /tmp/x',
      'touch $s',
      'mkdir ${s%/*}/d',
    ];
    const program = ['s=$GALAPAGOS_GATEWAY', ...steps.map((step) => `${step} 2>/dev/null && echo "${step}"`), 'true'];
    expect((await run(sandbox, ['sh', '-c', program.join('\n')])).stdout).toBe('');
    expect((await run(sandbox, ['node', 'ask-gateway.mjs'])).stdout).toBe('gateway: answer\n');
  });

  test('that was killed from outside is not used, and the command runs all the same', async () => {
    await using sandbox = await open();
    const boxes = processesNaming(`${sandbox.id}/volume/shm`);
    expect(boxes.length).toBeGreaterThan(0);
    kill(boxes);
    while (boxes.some((pid) => existsSync(`/proc/${pid}`))) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await run(sandbox, ['echo', 'usable'])).stdout).toBe('usable\n');
  });

  test('leaves nothing when its sandbox is disposed of at any moment of its start', async () => {
    const groups = () => readdirSync(findCgroupHome()!.memory).filter((name) => name.includes('primed-gone'));
    for (let i = 0; i < 12; i += 1) {
      const sandbox = await open({ run: parseRunId('primed-gone') });
      for (let turn = 0; turn < i; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      if (i % 3 === 2) void run(sandbox, ['sleep', '20']).catch(() => {});
      await sandbox[Symbol.asyncDispose]();
      expect(processesNaming(sandbox.id)).toEqual([]);
    }
    expect(groups()).toEqual([]);
  });

  test('of another sandbox is seen by no command', async () => {
    await using idle = await open();
    expect(processesNaming(`${idle.id}/volume/shm`).length).toBeGreaterThan(0);
    await using sandbox = await open();
    const seen = await run(sandbox, [
      'sh',
      '-c',
      'cat /proc/[0-9]*/cmdline | tr "\\0" "\\n" | grep -c "[r]ead -r line"',
    ]);
    expect(seen.stdout).toBe('1\n');
  });
});
