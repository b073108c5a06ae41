import { execFileSync, spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { extract, type Header, pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { commandLine, impossible } from '../../sandboxes/command-line.ts';
import { archiveCommand, readTree } from '../../sandboxes/docker/collect-archive.ts';
import { demultiplex } from '../../sandboxes/docker/demultiplex.ts';
import { rewriteRootfs } from '../../sandboxes/docker/image/rewrite-rootfs.ts';
import { type OwnReport, ownReport } from '../../sandboxes/docker/own-report.ts';
import { packTree, recordBytes } from '../../sandboxes/docker/pack-tree.ts';
import { WaitingFiles } from '../../sandboxes/docker/place-files.ts';
import { systemCallFilter } from '../../sandboxes/docker/system-calls.ts';
import { lineFeedVariable, quoted } from '../../sandboxes/shell-words.ts';
import { textFile, textOf } from '../../src/core/file-tree.ts';

const wide = { maxFiles: 100, maxBytes: 1_000_000, maxFileBytes: 100_000 };

describe("the engine's stream of a command", () => {
  it('is the same however it arrives in pieces', () => {
    const frame = fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 30 })), (frames, cuts) => {
        const wire = Buffer.concat(
          frames.map(([isError, bytes]) => {
            const header = Buffer.from([isError ? 2 : 1, 0, 0, 0, 0, 0, 0, 0]);
            header.writeUInt32BE(bytes.length, 4);
            return Buffer.concat([header, bytes]);
          }),
        );
        const got = { true: Buffer.alloc(0), false: Buffer.alloc(0) };
        const receive = demultiplex((isError, bytes) => {
          got[`${isError}`] = Buffer.concat([got[`${isError}`], bytes]);
        });
        let at = 0;
        for (const cut of cuts) {
          receive(wire.subarray(at, at + cut));
          at += cut;
        }
        receive(wire.subarray(at));
        for (const isError of [true, false]) {
          const sent = Buffer.concat(frames.filter(([error]) => error === isError).map(([, bytes]) => bytes));
          expect(got[`${isError}`].equals(sent)).toBe(true);
        }
      }),
    );
  });
});

describe('how a command ended, told by its own shell', () => {
  /** What a shell that was given the line says of a status. */
  const reportOf = ({ line }: OwnReport, status: number, change = 0n) => {
    const [, a, b] = /\(\(s \* (\d+) \+ (\d+)\)\)/.exec(line)!;
    return Buffer.from(`\x1e${BigInt(status) * BigInt(a!) + BigInt(b!) + change}\n`);
  };

  it('is found among what the command printed, however it arrives in pieces', () => {
    const bytes = fc.uint8Array({ maxLength: 40 });
    const cuts = fc.array(fc.integer({ min: 1, max: 30 }));
    const decoy = fc.record({ length: fc.nat(40), tail: bytes });
    fc.assert(
      fc.property(
        bytes,
        decoy,
        bytes,
        cuts,
        fc.nat(255),
        fc.boolean(),
        (before, { length, tail }, after, cuts, status, isError) => {
          const report = ownReport('true', false);
          const told = reportOf(report, status);
          const printed = Buffer.concat([
            before,
            told.subarray(0, Math.min(length, told.length - 3)),
            Buffer.from(' '),
            tail,
          ]);
          const wire = Buffer.concat([printed, told, after]);
          const got: Buffer[] = [];
          let at = 0;
          for (const cut of [...cuts, wire.length]) {
            got.push(report.take(isError, wire.subarray(at, at + cut)));
            at += cut;
          }
          got.push(report.rest(isError));
          expect(Buffer.concat(got).equals(Buffer.concat([printed, after]))).toBe(true);
          expect(report.status()).toBeNull();
          expect(report.take(!isError, told)).toHaveLength(0);
          expect(report.status()).toBe(status);
          expect(report.bytes()).toBe(2 * told.length);
        },
      ),
    );
  });

  it('is not there before it is whole, and what only looks like one is the command’s', () => {
    const report = ownReport('true', false);
    expect(report.take(true, Buffer.from('a\x1e1')).toString()).toBe('a');
    expect(report.take(true, Buffer.from('2')).toString()).toBe('');
    expect(report.rest(true).toString()).toBe('\x1e12');
    for (const no of [
      '\x1e12\n',
      '\x1e\n',
      '\x1ex',
      `\x1e${'1'.repeat(20)}`,
      `\x1e-${reportOf(report, 1).subarray(1)}`,
    ]) {
      expect(report.take(true, Buffer.from(no)).toString()).toBe(no);
    }
    for (const isError of [true, false]) {
      expect(report.take(isError, reportOf(report, 256))).toEqual(reportOf(report, 256));
      expect(report.take(isError, reportOf(report, 7))).toHaveLength(0);
      expect(report.take(isError, reportOf(report, 7))).toEqual(reportOf(report, 7));
    }
    expect(report.status()).toBe(7);
  });

  it('cannot be made of another one by who does not know how the shell tells it', () => {
    fc.assert(
      fc.property(fc.nat(255), fc.bigInt(-(2n ** 60n), 2n ** 60n), (status, change) => {
        fc.pre(change !== 0n);
        const report = ownReport('true', false);
        expect(report.take(true, reportOf(report, status, change)).length).toBeGreaterThan(0);
      }),
    );
    const [one, other] = [ownReport('true', false), ownReport('true', false)];
    expect(other.take(true, reportOf(one, 0)).length).toBeGreaterThan(0);
  });

  it.each([
    ['exit 3', 3, ''],
    ['exec true', 0, ''],
    ["kill -9 $(exec sh -c 'echo $PPID')", 137, ''],
    ['echo mine >&2; exec /nowhere', 127, 'mine\n'],
  ])('is what a shell says of %s', (line, status, stderr) => {
    const report = ownReport(line, false);
    const { stdout, stderr: errors } = spawnSync('/bin/sh', ['-c', report.line]);
    const said = [report.take(false, stdout), report.take(true, errors)].map(String);
    expect(report.status()).toBe(status);
    expect(said[0]).toBe('');
    expect(said[1]!.startsWith(stderr)).toBe(true);
  });
});

describe('a word on a line of shell', () => {
  it('is read back byte for byte', () => {
    const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0') && !/\p{Cs}/u.test(text));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (words) => {
        const line = `printf '%s\\0' ${words.map(quoted).join(' ')}`;
        expect(line).not.toContain('\n');
        const script = `${lineFeedVariable}\nIFS= read -r line; eval "$line"`;
        const out = execFileSync('/bin/sh', ['-c', script], {
          input: `${line}\n`,
          env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
        });
        expect(out.toString().split('\0').slice(0, -1)).toEqual(words);
      }),
      { numRuns: 60 },
    );
  });

  it('makes a command with its environment and nothing else, even where a program is called like a setting', () => {
    const line = commandLine(['a=b', 'x y'], { PATH: '/usr/bin:/bin', odd: "it's" });
    expect(line).toBe(`exec env -i 'PATH=/usr/bin:/bin' 'odd=it'\\''s' 'sh' '-c' 'exec "$0" "$@"' 'a=b' 'x y'`);
  });

  it.each([
    [[], 'no program'],
    [['a\0'], 'NUL'],
    [['x'.repeat(131_072)], 'too long'],
    [Array(200).fill('x'.repeat(20_000)), 'too long'],
  ])('says what can never be started', (argv, why) => {
    expect(impossible(argv, {})).toContain(why);
    expect(impossible(['x'.repeat(131_071)], {})).toBeNull();
  });
});

describe('an archive of files', () => {
  const files = new Map([
    [`${'deep/'.repeat(40)}file`, textFile('deep')],
    ['ünï/€', textFile('é', true)],
    ['empty', textFile('')],
    ['-x', { bytes: new Uint8Array(700).fill(7), isExecutable: false }],
  ]);

  it('is read back whole, and is a whole number of records', async () => {
    const archive = packTree(files);
    expect(archive.length % recordBytes).toBe(0);
    const reader = await readTree(wide);
    reader.write(archive);
    const tree = await reader.finish();
    expect(new Map(tree)).toEqual(new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))));
  });

  it('is what the tar of this system reads', () => {
    const names = execFileSync('tar', ['-tf', '-'], { input: packTree(new Map([['a/b', textFile('x')]])) });
    expect(names.toString()).toBe('a/b\n');
  });

  it('is refused at the first thing that must not be carried, and not read further', async () => {
    const out = pack();
    out.entry({ name: './fine' }, 'x');
    out.entry({ name: './trap', type: 'symlink', linkname: '/etc/passwd' });
    out.entry({ name: './later' }, 'x');
    out.finalize();
    const reader = await readTree(wide);
    for await (const chunk of out) reader.write(chunk as Buffer);
    expect(reader.refused.aborted).toBe(true);
    await expect(reader.finish()).rejects.toThrow('the path "trap" is a symbolic link');
  });

  it('leaves names at the top out by their exact spelling', () => {
    expect(archiveCommand(['a*b'])).toContain(String.raw`-path './a\*b' -prune`);
    expect(archiveCommand(['a*b'])).toContain(String.raw`--exclude='./a\*b'`);
  });
});

describe('files that wait for their sandbox', () => {
  it('replace what is in their way, and must fit together', () => {
    const waiting = new WaitingFiles(new Set(['strategies']), 3 * 4_096);
    waiting.add(new Map([['a', textFile('1')]]));
    waiting.add(new Map([['a/b/c', textFile('2')]]));
    waiting.add(new Map([['a/b', textFile('3')]]));
    expect(() => waiting.add(new Map([['strategies/x', textFile('x')]]))).toThrow('"strategies/x" belongs to');
    expect(() => waiting.add(new Map([['x'.repeat(256), textFile('x')]]))).toThrow('too long for the file system');
    expect([...waiting.take()].map(([path, file]) => [path, textOf(file.bytes)])).toEqual([['a/b', '3']]);
    expect(waiting.take().size).toBe(0);
    const big = { bytes: new Uint8Array(4_097), isExecutable: false };
    expect(() =>
      waiting.add(
        new Map([
          ['one', big],
          ['two', big],
        ]),
      ),
    ).toThrow('"two" does not fit');
  });
});

describe('the filter of system calls', () => {
  it('refuses what it does not name, and names nothing that makes namespaces, mounts, traces or loads', () => {
    const { defaultAction, syscalls } = JSON.parse(systemCallFilter) as {
      defaultAction: string;
      syscalls: { names: string[]; action: string; args?: unknown[] }[];
    };
    expect(defaultAction).toBe('SCMP_ACT_ERRNO');
    const free = syscalls.filter(({ action, args }) => action === 'SCMP_ACT_ALLOW' && args?.length === 0);
    const names = free.flatMap((rule) => rule.names);
    expect(new Set(names).size).toBe(names.length);
    const dangerous =
      /^(clone3?|unshare|setns|mount|umount2?|pivot_root|chroot|ptrace|process_vm_.*|bpf|perf_event_open|userfaultfd|io_uring_.*|keyctl|add_key|request_key|init_module|finit_module|kexec_.*|open_by_handle_at|name_to_handle_at|socket|personality|reboot|swapon|syslog|mbind|set_mempolicy|move_pages|iopl|ioperm)$/;
    expect(names.filter((name) => dangerous.test(name))).toEqual([]);
  });
});

describe('a root file system that becomes an image', () => {
  const rewrite = async (entries: readonly (Partial<Header> & { name: string; text?: string })[], isSlim = false) => {
    const input = pack();
    for (const { text, ...header } of entries) input.entry(header, text ?? '');
    input.finalize();
    const archive = extract();
    const output = await rewriteRootfs(Readable.from(input), { nodePath: null, isSlim });
    pipeline(output, archive as unknown as NodeJS.WritableStream).catch((error: Error) => archive.destroy(error));
    const found = new Map<string, { mode: number; linkname: string; text: string; type: string }>();
    for await (const entry of archive) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      const { name, mode, linkname, type } = entry.header;
      found.set(name.replace(/\/$/, ''), { mode, linkname, type, text: Buffer.concat(chunks).toString() });
    }
    return found;
  };
  const shell = [
    { name: './bin', type: 'symlink', linkname: 'usr/bin' },
    { name: './usr/bin/sh', type: 'symlink', linkname: 'dash' },
    { name: './usr/bin/dash', text: 'the shell', mode: 0o755 },
  ] as const;

  it('gets what the sandbox needs, and keeps nothing that lends rights', async () => {
    const out = await rewrite([
      ...shell,
      { name: './usr/bin/su', text: 'x', mode: 0o4755 },
      { name: './usr/bin/sul', type: 'link', linkname: './usr/bin/su', mode: 0o4755 },
      { name: './etc/passwd', text: 'root:x:0:0::/:/bin/sh\n' },
      { name: './tmp', type: 'directory', mode: 0o1777 },
      { name: './tmp/left', text: 'x' },
      { name: './var/lib/apt/lists/x', text: 'x' },
      { name: './dev/null', type: 'character-device', devmajor: 1, devminor: 3 },
    ]);
    expect(out.get('usr/bin/su')!.mode).toBe(0o755);
    expect(out.get('usr/bin/sul')).toMatchObject({ type: 'link', linkname: 'usr/bin/su', mode: 0o755 });
    expect(out.get('etc/passwd')!.text).toBe('root:x:0:0::/:/bin/sh\nagent:x:1000:1000:agent:/tmp:/bin/sh\n');
    expect(out.get('etc/group')!.text).toBe('agent:x:1000:\n');
    expect(out.get('tmp')).toMatchObject({ type: 'directory', mode: 0o1777 });
    expect(out.get('usr/local/lib/galapagos/sh')).toMatchObject({ mode: 0o711, text: 'the shell' });
    expect([...out.keys()].filter((name) => /^(tmp|dev|var\/lib\/apt\/lists)\/./.test(name))).toEqual([]);
  });

  it('keeps a user that has the number already', async () => {
    const text = 'node:x:1000:1000::/srv:/bin/bash\n';
    expect((await rewrite([...shell, { name: 'etc/passwd', text }])).get('etc/passwd')!.text).toBe(text);
  });

  it('loses its documentation only when asked', async () => {
    const entries = [...shell, { name: 'usr/share/doc/x/copyright', text: 'x' }];
    expect((await rewrite(entries)).has('usr/share/doc/x/copyright')).toBe(true);
    expect((await rewrite(entries, true)).has('usr/share/doc/x/copyright')).toBe(false);
  });

  it('must have a shell, and be an archive', async () => {
    await expect(rewrite([{ name: 'etc/passwd', text: 'x' }])).rejects.toThrow('no /bin/sh');
    const broken = await rewriteRootfs(Readable.from([Buffer.from('no archive'.repeat(200))]), {
      nodePath: null,
      isSlim: false,
    });
    await expect(async () => {
      for await (const _ of broken);
    }).rejects.toThrow();
  });
});
