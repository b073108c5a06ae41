import { createMarkspace, type MarkspaceOptions } from '../../markspace/guard.ts';
import type { Markspace, MountRequest } from '../../markspace/markspace.ts';
import { defaultPolicy } from '../../markspace/policy.ts';
import type { MarkStore } from '../../markspace/store.ts';
import { createMemoryMarkStore } from '../../markspace/stores/memory-store.ts';
import { SimulatedClock } from '../../src/core/clock.ts';
import { LineageCorruptError } from '../../src/core/errors.ts';
import { type FileTree, manifestOf, sortTree, type TreeFile, textFile, treeId } from '../../src/core/file-tree.ts';
import { type CommitId, type GenomeId, parseCommitId, parseLineageId, parseRunId } from '../../src/core/ids.ts';
import type { Fact, Journal } from '../../src/core/journal.ts';
import { sha256 } from '../../src/core/json.ts';
import { tempDir } from './temp-dir.ts';

export const [a, b, c] = ['a', 'b', 'c'].map(parseLineageId) as [
  ReturnType<typeof parseLineageId>,
  ReturnType<typeof parseLineageId>,
  ReturnType<typeof parseLineageId>,
];

/** A journal in memory with the port's whole contract; `facts` are what a reader would find. */
export function memoryJournal(): Journal & { readonly facts: Fact[] } {
  const facts: Fact[] = [];
  const running = new Map<string, Promise<unknown>>();
  const find = (type: string, key: string) => facts.find((f) => f.type === type && f.key === key);
  const record = (type: string, key: string, body: unknown) =>
    facts.push({ seq: facts.length, at: 0, type, key, body: JSON.parse(JSON.stringify(body)) });
  return {
    facts,
    async once<T>(type: string, key: string, effect: () => Promise<T>): Promise<T> {
      const known = find(type, key);
      if (known !== undefined) return known.body as T;
      const name = `${type} ${key}`;
      const shared = running.get(name) ?? effect().finally(() => running.delete(name));
      running.set(name, shared);
      const body = (await shared) as T;
      if (find(type, key) === undefined) record(type, key, body);
      return body;
    },
    async append(type, key, body) {
      if (find(type, key) === undefined) record(type, key, body);
    },
  };
}

export function memoryGenomes() {
  const trees = new Map<string, FileTree>();
  return {
    put(tree: FileTree): GenomeId {
      const id = treeId(manifestOf(tree));
      trees.set(id, tree);
      return id;
    },
    async get(id: GenomeId): Promise<FileTree> {
      const tree = trees.get(id);
      if (tree === undefined) throw new LineageCorruptError(`genome ${id} is missing`);
      return tree;
    },
  };
}

export function treeOf(files: Readonly<Record<string, string | TreeFile>>): FileTree {
  return sortTree(Object.entries(files).map(([path, f]) => [path, typeof f === 'string' ? textFile(f) : f]));
}

export const manifest = '{"task":{"command":["node","task.mjs"]},"meta":{"command":["node","meta.mjs"]}}\n';

export function aGenome(name: string): FileTree {
  return treeOf({
    'genome.json': manifest,
    'task.mjs': `export const strategyOf${name} = (items) => items.sort((x, y) => x - y);\n`,
    'lib/help.mjs': `export function help${name}(value) {\n  return value * 41 + 1;\n}\n`,
  });
}

export function commitOf(name: string): CommitId {
  return parseCommitId(sha256(name).slice(0, 40));
}

export interface SpaceFixture {
  readonly space: Markspace;
  readonly store: MarkStore;
  readonly journal: ReturnType<typeof memoryJournal>;
  readonly genomes: ReturnType<typeof memoryGenomes>;
  readonly directory: string;
  /** Rules of the refusals on record, oldest first. */
  denied(): string[];
  /** Publishes a genome of its own for each lineage, with these scores. */
  publishAll(scores: Readonly<Record<string, number>>, generation?: number): Promise<void>;
}

export async function openSpace(changes: Partial<MarkspaceOptions> = {}): Promise<SpaceFixture> {
  const journal = memoryJournal();
  const genomes = memoryGenomes();
  const store = changes.store ?? createMemoryMarkStore();
  const options: MarkspaceOptions = {
    run: parseRunId('run-1'),
    lineages: [{ id: a, model: 'model-a' }, { id: b, model: 'model-b' }, { id: c }],
    store,
    journal,
    clock: new SimulatedClock(5_000),
    genomes,
    directory: changes.directory ?? (await tempDir()),
    policy: defaultPolicy,
    ...changes,
  };
  const space = createMarkspace(options);
  return {
    space,
    store,
    journal,
    genomes,
    directory: options.directory,
    denied: () => journal.facts.filter((f) => f.type === 'guard.denied').map((f) => (f.body as { rule: string }).rule),
    async publishAll(scores, generation = 1) {
      for (const [name, score] of Object.entries(scores)) {
        const genome = genomes.put(aGenome(`${name}${generation}`));
        const commit = commitOf(`${name}${generation}`);
        await space.handleFor(parseLineageId(name)).publish({ generation, genome, commit, score });
      }
    },
  };
}

export function aMountRequest(fixture: SpaceFixture, changes: Partial<MountRequest> = {}): MountRequest {
  return {
    round: 2,
    generation: 2,
    snapshot: fixture.space.snapshot(),
    strategies: 'peers',
    seed: 1,
    evals: {},
    ...changes,
  };
}
