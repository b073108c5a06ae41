import { listedCount } from './listing.ts';
import { pagesOf, type WorldPlan } from './plan.ts';
import type { Policy, Sentence } from './play.ts';
import { bytesOfBucket, extensionWordOf, sizeBucketOf, words } from './vocabulary.ts';

/**
 * What can be had: a beam search over the ways of deleting, with the plan's knowledge of everything that an
 * observation does not show. It searches a model of the world and then acts in the real one, so what it freed is
 * measured like anybody's. A lower bound of the optimum: it does not consider packing, and its beam has an end.
 */
export function oracle(commands = 6, width = 12): Policy {
  return {
    name: 'oracle',
    open: ({ plan }) => {
      const moves = [...search(plan, commands, width)];
      return ({ files }) => {
        const move = moves.shift();
        if (move === undefined) return null;
        const index = files.findIndex(({ path }) => path === move.path);
        return index === -1 ? null : [move.verb, words.positions[index]!, ...move.rest];
      };
    },
  };
}

interface Move {
  readonly verb: string;
  readonly path: string;
  readonly rest: Sentence;
}

interface Name {
  readonly path: string;
  readonly directory: string;
  readonly inode: number;
}

interface Inode {
  readonly size: number;
  readonly bytes: number;
  readonly isWritable: boolean;
  readonly isHeld: boolean;
  readonly isVital: boolean;
  readonly isSystem: boolean;
}

interface Model {
  readonly names: readonly Name[];
  readonly inodes: readonly Inode[];
  readonly closed: ReadonlySet<string>;
  readonly freed: number;
  readonly moves: readonly Move[];
}

function search(plan: WorldPlan, commands: number, width: number): readonly Move[] {
  let beam: Model[] = [modelOf(plan)];
  let best = beam[0]!;
  for (let left = commands - 1; left >= 0 && beam.length > 0; left -= 1) {
    const next = new Map<string, { model: Model; promise: number }>();
    for (const model of beam) {
      for (const child of childrenOf(model)) {
        const grown = grow(child, plan);
        if (grown.freed > best.freed) best = grown;
        const key = `${grown.freed} ${grown.closed.size} ${grown.names.length} ${grown.inodes.filter((i) => i.isWritable).length}`;
        const promise = grown.freed + 0.9 * promiseOf(grown, left);
        if ((next.get(key)?.promise ?? -1) < promise) next.set(key, { model: grown, promise });
      }
    }
    beam = [...next.values()]
      .sort((a, b) => b.promise - a.promise)
      .slice(0, width)
      .map(({ model }) => model);
  }
  return best.moves;
}

const directoryOf = (path: string) => path.slice(0, path.lastIndexOf('/'));

function modelOf(plan: WorldPlan): Model {
  const inodes: Inode[] = [
    ...plan.files.map(({ size, content, mode, isHeld, isVital }) => ({
      ...{ size, isHeld, isVital, isSystem: false },
      bytes: content === null ? 0 : pagesOf(size),
      isWritable: (mode & 0o200) !== 0,
    })),
    ...plan.system.map(({ size }) => {
      return { size, bytes: 0, isWritable: true, isHeld: false, isVital: false, isSystem: true };
    }),
  ];
  const name = (path: string, inode: number): Name => ({ path, directory: directoryOf(path), inode });
  const names = [
    ...plan.files.map(({ path }, i) => name(path, i)),
    ...plan.links.map(({ path, target }) =>
      name(
        path,
        plan.files.findIndex((file) => file.path === target),
      ),
    ),
    ...plan.system.map(({ path }, i) => name(path, plan.files.length + i)),
  ];
  const closed = new Set(plan.directories.flatMap(({ path, mode }) => ((mode & 0o200) === 0 ? [path] : [])));
  return { names, inodes, closed, freed: 0, moves: [] };
}

function shownIn({ names, inodes }: Model): Name[] {
  const size = (name: Name) => inodes[name.inode]!.size;
  return names
    .filter((name) => size(name) > 0)
    .sort((a, b) => size(b) - size(a) || (a.path < b.path ? -1 : 1))
    .slice(0, listedCount);
}

function* childrenOf(model: Model): Generator<Model> {
  for (const name of shownIn(model)) {
    const inode = model.inodes[name.inode]!;
    if (inode.isSystem) continue;
    const moved = (verb: string, change: Partial<Model>, ...rest: string[]): Model => {
      return { ...model, ...change, moves: [...model.moves, { verb, path: name.path, rest }] };
    };
    const open = !model.closed.has(name.directory);
    if (open && !inode.isVital) yield moved('rm', unlink(model, [name]));
    if (inode.isWritable && !inode.isVital) yield moved('truncate', replace(model, name.inode, { size: 0, bytes: 0 }));
    if (!inode.isWritable) yield moved('chmod', replace(model, name.inode, { isWritable: true }), 'u+w');
    if (!open) {
      yield moved('chmod-dir', { closed: new Set([...model.closed].filter((path) => path !== name.directory)) }, 'u+w');
    }
    const below = model.names.filter(
      (other) => `${other.directory}/`.startsWith(`${name.directory}/`) && !model.closed.has(other.directory),
    );
    const sizeWord = `s${sizeBucketOf(inode.size)}`;
    const extension = extensionWordOf(name.path);
    const ways: [string, Name[], string[]][] = [
      ['rm-r', below, []],
      [
        'find-size',
        below.filter((n) => model.inodes[n.inode]!.size >= bytesOfBucket(sizeBucketOf(inode.size))),
        [sizeWord],
      ],
      ['find-name', below.filter((n) => extensionWordOf(n.path) === extension), [extension]],
    ];
    for (const [verb, gone, rest] of ways) {
      if (gone.length > 1 && !gone.some((n) => model.inodes[n.inode]!.isVital)) {
        yield moved(verb, unlink(model, gone), ...rest);
      }
    }
  }
}

function unlink(model: Model, gone: readonly Name[]): Partial<Model> {
  const names = model.names.filter((name) => !gone.includes(name));
  const dead = new Set(gone.map(({ inode }) => inode).filter((inode) => !names.some((name) => name.inode === inode)));
  const freed = [...dead].reduce((sum, i) => sum + (model.inodes[i]!.isHeld ? 0 : model.inodes[i]!.bytes), model.freed);
  return { names, freed };
}

function replace(model: Model, index: number, change: Partial<Inode>): Partial<Model> {
  const before = model.inodes[index]!;
  const after = { ...before, ...change };
  return {
    inodes: model.inodes.map((inode, i) => (i === index ? after : inode)),
    freed: model.freed + before.bytes - after.bytes,
  };
}

/** The service's own log grows after every command, which may bring it onto the screen; the growth is nobody's gain. */
function grow(model: Model, plan: WorldPlan): Model {
  const index = plan.files.findIndex(({ path }) => path === plan.ownLog);
  const size = model.inodes[index]!.size + plan.growthBytes;
  const inodes = model.inodes.map((inode, i) => (i === index ? { ...inode, size } : inode));
  return { ...model, inodes };
}

/** What the files now shown would give, one by one: keeps a state alive whose rights were only just taken back. */
function promiseOf(model: Model, left: number): number {
  const worth = shownIn(model).map(({ inode, directory }) => {
    const { bytes, isVital, isSystem, isWritable, isHeld } = model.inodes[inode]!;
    if (isVital || isSystem) return 0;
    return isWritable || (!isHeld && !model.closed.has(directory)) ? bytes : 0;
  });
  return worth
    .sort((a, b) => b - a)
    .slice(0, left)
    .reduce((sum, bytes) => sum + bytes, 0);
}
