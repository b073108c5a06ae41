import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { textFile } from '../../../src/core/file-tree.ts';
import { run, wideLimits } from '../sandbox-setting.ts';
import type { Finding, HostileCase } from './hostile-case.ts';
import {
  type Attempts,
  attempts,
  gains,
  nothingGained,
  processesNaming,
  python,
  refusals,
  type World,
} from './world.ts';

/** Plants one thing after another, each in a sandbox of its own, and tries to carry it out. */
async function plant({ open, outside, secret }: World, kinds: readonly string[]): Promise<Finding> {
  for (const kind of kinds) {
    const sandbox = await open();
    await run(sandbox, ['node', 'plant.mjs', kind, outside]);
    const answer = await sandbox.get(wideLimits).then(
      (tree) => ([...tree.values()].some((file) => Buffer.from(file.bytes).includes(secret)) ? 'read' : 'carried'),
      (cause) => String(cause.code),
    );
    if (answer !== 'GENOME_INVALID') return { isContained: false, reason: `a ${kind} was ${answer}` };
    // What was planted must not lead anywhere when the runtime writes, either.
    await sandbox.put(new Map([['trap', textFile('over it')]])).catch(() => {});
    if (readFileSync(join(outside, 'secret'), 'utf8') !== secret || readdirSync(outside).length !== 1) {
      return { isContained: false, reason: `written through a ${kind}` };
    }
  }
  return { isContained: true, reason: 'GENOME_INVALID' };
}

/** Everything about a directory that a writer could change. */
function snapshot(directory: string): string {
  const about = (path: string) => {
    const { ino, mode, uid, gid, size, nlink, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    return [path, ino, mode, uid, gid, size, nlink, mtimeNs, ctimeNs].join(' ');
  };
  const names = readdirSync(directory).sort();
  const contents = names.map((name) => {
    const path = join(directory, name);
    return lstatSync(path).isFile() ? `${about(path)} ${readFileSync(path, 'base64')}` : about(path);
  });
  return [about(directory), ...contents].join('\n');
}

/** Attacks a mount with everything; says what worked, and whether the source is as it was. */
async function attackMount({ open, outside }: World): Promise<Attempts & { readonly isUntouched: boolean }> {
  const source = join(outside, 'strategies');
  mkdirSync(source);
  writeFileSync(join(source, 'known'), 'original');
  const sandbox = await open({ mounts: [{ source, target: 'strategies' }] });
  const before = snapshot(source);
  const raw = await attempts(sandbox, ['python3', 'write-mount-raw.py', 'strategies']);
  const plain = await run(sandbox, ['node', 'write-mount.mjs', 'strategies']);
  const worked = JSON.parse(plain.stdout) as string[];
  const got = { ...raw.got, ...Object.fromEntries(worked.map((name) => [name, true])) };
  return { got, refused: raw.refused, isUntouched: snapshot(source) === before };
}

/** Programs that plant, read and write files where they should not. */
export const fileCases: readonly HostileCase[] = [
  {
    name: 'symlink-plants',
    what: 'plants symbolic links to files, directories, nowhere and the host, for the collector to follow',
    gap: null,
    heldBy: /^GENOME_INVALID$/,
    attack: (world) =>
      plant(world, ['link-to-file', 'link-to-directory', 'link-to-nowhere', 'link-in-a-directory', 'link-to-the-host']),
  },
  {
    name: 'hard-link-plants',
    what: 'plants hard links, one of them to a file of the host',
    gap: null,
    heldBy: /^GENOME_INVALID$/,
    attack: (world) => plant(world, ['hard-link', 'hard-link-to-the-host']),
  },
  {
    name: 'special-files',
    what: 'plants a fifo, a socket, and files and directories that forbid reading',
    gap: null,
    heldBy: /^GENOME_INVALID$/,
    attack: (world) => plant(world, ['fifo', 'socket', 'unreadable-file', 'unreadable-directory', 'path-too-long']),
  },
  {
    name: 'deep-tree',
    what: 'makes 400 directories in each other, five times deeper than a path can say',
    gap: null,
    heldBy: /^GENOME_INVALID$/,
    async attack({ open }) {
      const sandbox = await open();
      const argv = ['python3', '../deep-tree.py', '400'];
      const { stdout } = await python(sandbox, ['sh', '-c', `mkdir deep; cd deep; ${argv.join(' ')}`]);
      if (stdout !== 'deep\n') throw new Error('the tree was not made');
      const code = await sandbox.get(wideLimits).then(
        () => 'carried',
        (cause) => String(cause.code),
      );
      // Over it, and away with it: a tree that cannot be removed would stay on the host for ever.
      await sandbox.put(new Map([['deep', textFile('a file')]]));
      const isReplaced = (await sandbox.get(wideLimits)).has('deep');
      await run(sandbox, ['sh', '-c', `mkdir deeper; cd deeper; ${argv.join(' ')}`]);
      await sandbox[Symbol.asyncDispose]();
      return { isContained: isReplaced && code === 'GENOME_INVALID', reason: code };
    },
  },
  {
    name: 'odd-names',
    what: 'names files with line breaks, control characters, other encodings, and words that mean something elsewhere',
    gap: null,
    heldBy: /^refused or carried as it is$/,
    async attack({ open }) {
      const sandbox = await open();
      const count = Number((await python(sandbox, ['python3', 'odd-names.py'])).stdout);
      if (!(count > 20)) throw new Error('odd-names.py names nothing');
      for (let i = 0; i < count; i += 1) {
        await run(sandbox, ['sh', '-c', `rm -rf x && mv "$HOME/odd/${i}" x`]);
        const tree = await sandbox.get(wideLimits).catch((cause) => {
          if (cause.code !== 'GENOME_INVALID') throw cause;
          return null;
        });
        if (tree === null) continue;
        const [path] = [...tree.keys()].filter((name) => name.startsWith('x/'));
        // What is carried must go back in under the same name, and under no other.
        if (path === undefined) return { isContained: false, reason: `name ${i} got lost` };
        await sandbox.put(new Map([[path, tree.get(path)!]]));
        const again = await sandbox.get(wideLimits);
        if (again.size !== tree.size || !again.has(path)) return { isContained: false, reason: `name ${i} changed` };
      }
      return { isContained: true, reason: 'refused or carried as it is' };
    },
  },
  {
    name: 'path-tricks',
    what: 'writes and reads outside the workspace by dots, links, proc, climbing and renaming',
    gap: 'filesystem-isolation',
    heldBy: /^E\w+(, E\w+)*$/,
    async attack({ open, outside, secret }) {
      const sandbox = await open();
      const all = await attempts(sandbox, ['node', 'path-tricks.mjs', outside]);
      const planted = readdirSync(outside).filter((name) => name !== 'secret');
      if (planted.length > 0) return { isContained: false, reason: `wrote ${planted.length} files outside` };
      if (JSON.stringify(all.got).includes(secret)) return { isContained: false, reason: 'read a file outside' };
      // A directory that it made itself under the same name is no escape.
      return { isContained: true, reason: refusals(all) };
    },
  },
  {
    name: 'mount-writes',
    what: 'writes to its read-only strategies by every trick of the files: links, maps, descriptors, mounts, handles …',
    gap: 'read-only-mounts',
    heldBy: /EROFS/,
    attack: async (world) => nothingGained(await attackMount(world)),
  },
  {
    name: 'mount-source',
    what: 'does the same, and we look whether the directory on the host has changed in any way',
    gap: null,
    heldBy: /^the source is untouched$/,
    async attack(world) {
      const { isUntouched, ...all } = await attackMount(world);
      return { isContained: isUntouched, reason: isUntouched ? 'the source is untouched' : gains(all) };
    },
  },
  {
    name: 'other-lineage',
    what: "looks for another sandbox's files everywhere, proc included",
    gap: 'filesystem-isolation',
    heldBy: /^found nowhere$/,
    async attack({ provider, open, secret, mark }) {
      const isIsolated = provider.isolation !== 'none';
      const other = await open({ files: new Map([['mine', textFile(secret)]]) });
      await run(other, ['sh', '-c', `cp mine "$HOME/mine"; ${isIsolated ? 'cp mine /dev/shm/mine' : ''}`]);
      const living = run(other, ['sleep', mark], { timeoutMs: 8_000 });
      const sandbox = await open();
      const backwards = [...secret].reverse().join('');
      // Without isolation its neighbours are next door, and the rest of the host is none of our business.
      const roots = isIsolated ? ['/tmp', '/run', '/etc', '/dev', '/workspace', '/var'] : ['../..'];
      const search = await run(sandbox, ['node', 'search-files.mjs', backwards, ...roots], { timeoutMs: 8_000 });
      const script = 'cat /proc/[0-9]*/root/workspace/mine /proc/[0-9]*/cwd/mine 2>/dev/null';
      const peek = await run(sandbox, ['sh', '-c', script]);
      await other[Symbol.asyncDispose]();
      await living.catch(() => {});
      if (search.exitCode !== 0) throw new Error(`the search ended by ${search.stoppedBy}: ${search.stderr}`);
      if (search.stdout !== '[]\n')
        return { isContained: false, reason: `read it in ${JSON.parse(search.stdout).length} places` };
      const isContained = !peek.stdout.includes(secret) && processesNaming(mark).length === 0;
      return { isContained, reason: isContained ? 'found nowhere' : 'read it through proc' };
    },
  },
];
