import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { run } from '../sandbox-setting.ts';
import type { HostileCase } from './hostile-case.ts';
import { attempts, fileOf, NotMeasuredError, nothingGained, processes, python, whileWatching } from './world.ts';

/** Inodes of the host that sandboxes use, too. */
const sharedInodes = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom', '/usr/bin/bwrap'];

function changeTimes(): string {
  return sharedInodes
    .filter((path) => existsSync(path))
    .map((path) => `${path} ${lstatSync(path, { bigint: true }).ctimeNs}`)
    .join('\n');
}

function tracerOf(pid: string): string {
  return /^TracerPid:\s+([1-9]\d*)$/m.exec(fileOf(pid, 'status'))?.[1] ?? '';
}

function processNamespaceOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return '';
  }
}

/** Processes of the host that somebody in another process namespace traces. */
function tracedFromAfar(): string[] {
  return processes().filter((pid) => {
    const tracer = tracerOf(pid);
    return tracer !== '' && processNamespaceOf(pid) !== processNamespaceOf(tracer);
  });
}

/** Programs that reach for the kernel, for other processes and for rights. */
export const systemCases: readonly HostileCase[] = [
  {
    name: 'probe-kernel',
    what: 'reads kernel memory, logs and other processes in proc and sys, and opens settings for writing',
    gap: 'filesystem-isolation',
    heldBy: /^E\w+(, E\w+)*$/,
    async attack({ open, secret, startVictim }) {
      startVictim();
      const sandbox = await open();
      const backwards = [...secret].reverse().join('');
      return nothingGained(await attempts(sandbox, ['python3', 'probe-kernel.py', backwards]));
    },
  },
  {
    name: 'own-inodes',
    what: 'changes modes and times of device nodes, of proc, of its descriptors and of the program of process 1',
    gap: 'filesystem-isolation',
    heldBy: /^E\w+(, E\w+)*$/,
    async attack({ open }) {
      const sandbox = await open();
      const before = changeTimes();
      const all = await attempts(sandbox, ['python3', 'own-inodes.py']);
      if (changeTimes() !== before) return { isContained: false, reason: 'changed an inode of the host' };
      return nothingGained(all);
    },
  },
  {
    name: 'become-root',
    what: 'gains rights by set-user-id copies of a shell, su, sudo, setuid(0), file capabilities, capset, chroot',
    gap: 'filesystem-isolation',
    heldBy: /^E\w+(, E\w+)*$/,
    attack: async ({ open }) => nothingGained(await attempts(await open(), ['python3', 'become-root.py'])),
  },
  {
    name: 'trace',
    what: 'traces and reads its process 1, a helper, a process of the host and one of another sandbox',
    gap: 'filesystem-isolation',
    heldBy: /^nobody outside is traced$/,
    async attack({ provider, open, mark, startVictim }) {
      if (process.platform !== 'linux') throw new NotMeasuredError('this host does not show who traces whom');
      const victim = String(startVictim().pid);
      const other = await open();
      const living = run(other, ['sleep', mark], { timeoutMs: 8_000 });
      const sandbox = await open();
      // Without isolation everything is visible, and only what is ours may be touched.
      const targets = provider.isolation === 'none' ? [victim] : [victim, 'all'];
      const traced = new Set<string>();
      const look = () => {
        for (const pid of tracedFromAfar()) traced.add(pid);
        if (tracerOf(victim) !== '') traced.add(victim);
      };
      const tracing = python(sandbox, ['python3', 'trace.py', '300', ...targets]);
      const end = await whileWatching(tracing, look);
      await other[Symbol.asyncDispose]();
      await living.catch(() => {});
      if (end.exitCode !== 0) throw new Error(`trace.py failed: ${end.stderr}`);
      const isContained = traced.size === 0;
      return { isContained, reason: isContained ? 'nobody outside is traced' : `${traced.size} processes traced` };
    },
  },
  {
    name: 'keyrings',
    what: "leaves a message for another sandbox in the kernel's keyrings",
    gap: 'system-call-filter',
    heldBy: /^E\w+(, E\w+)*$/,
    async attack({ open }) {
      const name = `gal-${randomBytes(6).toString('hex')}`;
      const writer = await open();
      const reader = await open();
      await attempts(writer, ['python3', 'keyring.py', 'leave', name]);
      return nothingGained(await attempts(reader, ['python3', 'keyring.py', 'find', name]));
    },
  },
  {
    name: 'kernel-calls',
    what: 'asks for namespaces, mounts, modules, file handles and the messages of the kernel',
    gap: 'filesystem-isolation',
    heldBy: /^E\w+(, E\w+)*$/,
    attack: async ({ open }) => nothingGained(await attempts(await open(), ['python3', 'kernel-calls.py', 'rights'])),
  },
  {
    name: 'kernel-parts',
    what: 'uses what needs no right: io_uring, bpf, perf events, userfaultfd, virtual-machine and cryptography sockets',
    gap: 'system-call-filter',
    heldBy: /^E\w+(, E\w+)*$/,
    attack: async ({ open }) => nothingGained(await attempts(await open(), ['python3', 'kernel-calls.py', 'parts'])),
  },
  {
    name: 'forged-report',
    what: 'writes a false exit report to every descriptor, and then fails',
    gap: null,
    heldBy: /^SIG/,
    async attack({ open }) {
      const end = await run(await open(), ['node', 'forge-report.mjs']);
      const isContained = end.exitCode === null && end.stoppedBy === 'exit';
      return { isContained, reason: end.signal ?? `exit ${end.exitCode}` };
    },
  },
];
