import { run, usualLimits, wideLimits } from '../sandbox-setting.ts';
import type { HostileCase } from './hostile-case.ts';
import { isBeating, processesNaming, python, whileWatching } from './world.ts';

const MiB = 2 ** 20;
/** Far below what the programs print or hold, far above what a garbage collector leaves lying about. */
const ownGrowthMiB = 96;

/** The most that this process grew by while `work` ran. */
async function growthDuring<T>(work: Promise<T>): Promise<{ end: T; grownMiB: number }> {
  const before = process.memoryUsage.rss();
  let most = before;
  const end = await whileWatching(work, () => (most = Math.max(most, process.memoryUsage.rss())), 5);
  return { end, grownMiB: (most - before) / MiB };
}

/** Programs that take what is limited: processes, memory, disk, output, time. */
export const resourceCases: readonly HostileCase[] = [
  {
    name: 'fork-bomb',
    what: 'starts 90 processes where 40 are allowed',
    gap: 'pid-limit',
    heldBy: /^(policy|EAGAIN)$/,
    async attack({ open, mark }) {
      const sandbox = await open({ limits: { ...usualLimits, pids: 40 } });
      let seen = 0;
      const look = () => (seen = Math.max(seen, processesNaming(`sleep\0${mark}`).length));
      const end = await whileWatching(run(sandbox, ['node', 'fork-bomb.mjs', '90', mark, '200']), look);
      await run(sandbox, ['true']);
      const left = processesNaming(`sleep\0${mark}`).length;
      const most = Math.max(seen, Number(end.stdout));
      // A watchdog, where it stands in for a count, comes between two looks: before the bomb is through.
      const tooMany = end.stoppedBy === 'policy' ? 90 : 40;
      if (most >= tooMany || left > 0) return { isContained: false, reason: `${most} at once, ${left} left over` };
      return { isContained: true, reason: end.stoppedBy === 'exit' ? 'EAGAIN' : end.stoppedBy };
    },
  },
  {
    name: 'fork-chain',
    what: 'forks and leaves, over and over, faster than anybody can count it',
    gap: null,
    heldBy: /^gone with the command$/,
    async attack({ open }) {
      const sandbox = await open();
      await python(sandbox, ['python3', 'fork-chain.py', '3']);
      const isBeatingStill = await isBeating(sandbox);
      return { isContained: !isBeatingStill, reason: isBeatingStill ? 'still forking' : 'gone with the command' };
    },
  },
  {
    name: 'memory-bomb',
    what: 'takes 256 MiB in four processes where 160 MiB are allowed',
    gap: 'memory-limit',
    heldBy: /^memory$/,
    async attack({ open }) {
      const sandbox = await open({ limits: { ...usualLimits, memoryMiB: 160, diskMiB: 4 } });
      const end = await run(sandbox, ['node', 'memory-bomb.mjs', '4', '64']);
      const isContained = !end.stdout.includes('held 256');
      return { isContained, reason: isContained ? end.stoppedBy : end.stdout.trim() };
    },
  },
  {
    name: 'hidden-memory',
    what: 'takes 256 MiB that no process has mapped, in files without a name',
    gap: 'unmapped-memory',
    heldBy: /^memory$/,
    async attack({ open }) {
      const sandbox = await open({ limits: { ...usualLimits, memoryMiB: 160, diskMiB: 4 } });
      const end = await python(sandbox, ['python3', 'hidden-memory.py', '256']);
      const isContained = !end.stdout.includes('held 256');
      return { isContained, reason: isContained ? end.stoppedBy : end.stdout.trim() };
    },
  },
  {
    name: 'disk-filler',
    what: 'writes 24 MiB into workspace and temporary directory where 8 MiB are allowed',
    gap: 'disk-limit',
    heldBy: /^ENOSPC$/,
    async attack({ open }) {
      const sandbox = await open({ limits: { ...usualLimits, diskMiB: 8 } });
      const end = await run(sandbox, ['node', 'disk-filler.mjs', '24']);
      const [written, error] = end.stdout.trim().split(' ');
      const files = await sandbox.get({ ...wideLimits, maxBytes: 64 * MiB });
      const bytes = [...files.values()].reduce((sum, file) => sum + file.bytes.length, 0);
      const isContained = error !== 'none' && Number(written) <= 8 && bytes <= 8 * MiB;
      return { isContained, reason: isContained ? error! : `${written} MiB written` };
    },
  },
  {
    name: 'many-files',
    what: 'makes 100,000 empty files',
    gap: 'disk-limit',
    isSlowUncontained: true,
    heldBy: /^ENOSPC$/,
    async attack({ open }) {
      const sandbox = await open();
      const end = await run(sandbox, ['node', 'many-files.mjs', '100000'], { timeoutMs: 60_000 });
      const [made, error] = end.stdout.trim().split(' ');
      const answer = await sandbox.get(wideLimits).then(
        () => 'collected',
        (cause) => cause.code,
      );
      if (answer !== 'GENOME_INVALID') return { isContained: false, reason: `the tree was ${answer}` };
      return { isContained: error !== 'none', reason: error === 'none' ? `${made} files made` : error! };
    },
  },
  {
    name: 'output-flood',
    what: 'prints 1 GiB on both streams where 64 KiB are allowed',
    gap: null,
    heldBy: /^output$/,
    async attack({ open }) {
      const sandbox = await open();
      const flood = run(sandbox, ['node', 'output-flood.mjs', 'both']);
      const { end, grownMiB } = await growthDuring(flood);
      if (end.stdout.length + end.stderr.length > 2 * 65_536) return { isContained: false, reason: 'kept too much' };
      if (grownMiB > ownGrowthMiB) return { isContained: false, reason: `we grew by ${grownMiB.toFixed(0)} MiB` };
      return { isContained: true, reason: end.stoppedBy };
    },
  },
  {
    name: 'output-drip',
    what: 'prints 200,000 bytes in as many calls',
    gap: null,
    heldBy: /^exit$/,
    async attack({ open }) {
      const sandbox = await open();
      const drip = python(sandbox, ['python3', 'output-drip.py', '200000'], { maxOutputBytes: MiB });
      const { end, grownMiB } = await growthDuring(drip);
      if (grownMiB > ownGrowthMiB) return { isContained: false, reason: `we grew by ${grownMiB.toFixed(0)} MiB` };
      return { isContained: end.stdout.length === 200_000, reason: end.stoppedBy };
    },
  },
  {
    name: 'endless-loop',
    what: 'never ends and never yields',
    gap: null,
    heldBy: /^timeout$/,
    attack: ({ open }) => stoppedInTime(open, ['node', 'endless-loop.mjs']),
  },
  {
    name: 'ignores-sigterm',
    what: 'refuses every polite request to leave',
    gap: null,
    heldBy: /^timeout$/,
    attack: ({ open }) => stoppedInTime(open, ['node', 'ignores-sigterm.mjs']),
  },
  {
    name: 'stops-itself',
    what: 'stops its parent and itself with SIGSTOP',
    gap: null,
    heldBy: /^timeout$/,
    attack: ({ open }) => stoppedInTime(open, ['python3', 'stops-itself.py']),
  },
  {
    name: 'holds-output',
    what: 'ends at once and leaves a process that holds the output open',
    gap: null,
    heldBy: /^exit$/,
    async attack({ open }) {
      const sandbox = await open();
      const end = await python(sandbox, ['python3', 'holds-output.py', '3']);
      const isContained = end.wallMs < 2_000 && end.stdout === 'gone\n';
      return { isContained, reason: isContained ? end.stoppedBy : `held for ${end.wallMs.toFixed(0)} ms` };
    },
  },
  {
    name: 'daemon',
    what: 'leaves a process in a session of its own, two parents away',
    gap: 'daemon-containment',
    heldBy: /^gone with the command$/,
    async attack({ open }) {
      const sandbox = await open();
      const end = await run(sandbox, ['node', 'daemon.mjs']);
      if (end.stdout !== 'left a daemon\n') throw new Error(`the daemon did not start: ${end.stderr}`);
      const isAlive = await isBeating(sandbox);
      return { isContained: !isAlive, reason: isAlive ? 'lives on' : 'gone with the command' };
    },
  },
];

type Open = Parameters<HostileCase['attack']>[0]['open'];

async function stoppedInTime(open: Open, argv: readonly string[]) {
  const sandbox = await open();
  const end = await python(sandbox, argv, { timeoutMs: 300 });
  const { stdout } = await run(sandbox, ['echo', 'usable']);
  const isContained = end.wallMs < 3_000 && stdout === 'usable\n';
  return { isContained, reason: isContained ? end.stoppedBy : `stopped after ${end.wallMs.toFixed(0)} ms` };
}
