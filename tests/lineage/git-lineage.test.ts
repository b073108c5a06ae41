import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { textFile } from '../../src/core/file-tree.ts';
import type { CommitId } from '../../src/core/ids.ts';
import { createMemoryGenomeStore } from '../../src/lineage/genome-store.ts';
import { requireGitVersion } from '../../src/lineage/git-command.ts';
import { openGitLineage } from '../../src/lineage/git-lineage.ts';
import { openGitReader } from '../../src/lineage/git-reader.ts';
import { alice, bob, commitChain, generation, genomeFiles, tempDir, writeGeneration } from './generations.ts';

const git = (cwd: string, ...args: string[]) => execFileSync('git', args, { cwd, encoding: 'utf8', stdio: 'pipe' });

/** Writes `count` generations into a new repository and closes it. */
async function written(count: number, checkpointEach = false) {
  const dir = join(await tempDir(), 'lineage');
  const genomes = createMemoryGenomeStore();
  await using lineage = await openGitLineage({ dir, genomes });
  for (let n = 0; n < count; n += 1) {
    await writeGeneration(lineage, genomes, n);
    if (checkpointEach) await lineage.checkpoint();
  }
  return dir;
}

const refsOf = (dir: string) => git(dir, 'for-each-ref', '--format=%(objectname) %(refname)');

it('gives every ref, notes included, the same hash on a replay, however it was checkpointed', async () => {
  const [together, apart] = [await written(20), await written(20, true)];
  expect(refsOf(apart)).toBe(refsOf(together));
  expect(refsOf(together).split('\n').length).toBeGreaterThan(24);
  // The same on every machine and in every later version: a change here breaks old journals.
  expect(git(together, 'rev-parse', 'lineage/alice').trim()).toBe('97659500a95062302ec46576e66cfc3d764b7f3a');
});

it('gives the same hashes whatever the user has configured', async () => {
  const home = await tempDir();
  await writeFile(
    join(home, '.gitconfig'),
    '[user]\nname=x\n[i18n]\ncommitEncoding=latin1\n[init]\ndefaultObjectFormat=sha256\n[core]\nhooksPath=/nowhere\nbare=false\n',
  );
  const expected = refsOf(await written(5));
  const before = { HOME: process.env.HOME, GIT_DIR: process.env.GIT_DIR, GIT_INDEX_FILE: process.env.GIT_INDEX_FILE };
  Object.assign(process.env, { HOME: home, GIT_DIR: join(home, 'elsewhere'), GIT_INDEX_FILE: '/nowhere' });
  let dir: string;
  try {
    dir = await written(5);
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
  expect(refsOf(dir)).toBe(expected);
  expect(await readdir(home)).toEqual(['.gitconfig']);
});

it('writes what plain git reads: graph with merges, trailers, notes, files, authors', async () => {
  const dir = await written(9);
  expect(git(dir, 'fsck', '--strict', '--full')).toBe('');
  expect(git(dir, 'log', '--graph', '--oneline', '--all')).toMatch(/\*\s{3}[0-9a-f]+ .*Try idea 4\n\|\\/);
  expect(git(dir, 'log', '-1', '--format=%an <%ae> %cn %ct %ci', 'refs/attempts/bob/3').trim()).toBe(
    'bob <bob@galapagos.invalid> bob 1700000003 2023-11-14 22:13:23 +0000',
  );
  const message = git(dir, 'log', '-1', '--format=%B', 'lineage/alice');
  expect(execFileSync('git', ['interpret-trailers', '--parse'], { input: message, encoding: 'utf8' })).toBe(
    'Generation: 8\nModel: scripted\n',
  );
  expect(JSON.parse(git(dir, 'notes', '--ref', 'evaluations', 'show', 'lineage/alice'))).toEqual({ n: 8, score: 0.08 });
  expect(git(dir, 'show', 'best/alice:task.js')).toBe('console.log(5);\n');
  expect(git(dir, 'ls-tree', 'best/alice', 'meta.js')).toMatch(/^100755/);
  expect(git(dir, 'log', '--oneline').split('\n').length).toBeGreaterThan(5); // HEAD is a lineage
  expect(() => git(dir, 'status')).toThrow(/must be run in a work tree/);
});

it('can be cloned, and files looked at in a worktree', async () => {
  const dir = await written(3);
  const parent = await tempDir();
  git(dir, 'worktree', 'add', '--quiet', '--detach', join(parent, 'look'), 'best/alice');
  expect(await readFile(join(parent, 'look', 'task.js'), 'utf8')).toBe('console.log(0);\n');
  git(parent, 'clone', '--quiet', dir, 'copy');
  expect(await readFile(join(parent, 'copy', 'task.js'), 'utf8')).toBe('console.log(2);\n');
});

it('stores odd file names, binary files and executable bits as they are', async () => {
  const dir = join(await tempDir(), 'line "age" ü');
  const genomes = createMemoryGenomeStore();
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256);
  const files = new Map([
    ['"quoted" \'name\'', textFile('q')],
    ['-rf', textFile('')],
    ['a b/c\u00e9/\u65e5\u672c.txt', textFile('x\n')],
    ['a.b', textFile('sorts before a/')],
    ['a0', textFile('sorts after a/')],
    ['blob.bin', { bytes, isExecutable: true }],
    [`${'deep/'.repeat(50)}f`, textFile('deep', true)],
    ['*?[x]', textFile('glob')],
  ]);
  const commit = await (async () => {
    await using lineage = await openGitLineage({ dir, genomes });
    return lineage.commit(generation(await genomes.put(files)));
  })();
  const tree = await openGitReader(dir).tree(commit);
  expect(new Map(tree)).toEqual(new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))));
  expect(git(dir, 'fsck', '--strict', '--full')).toBe('');
});

it('stores exactly the genome, whatever came, went, or turned from a file into a directory since the generation before', async () => {
  const dir = join(await tempDir(), 'lineage');
  const genomes = createMemoryGenomeStore();
  const steps: Record<string, string>[] = [
    ...[
      { a: '1', b: '2' },
      { a: '1', 'b/c': '2', 'b/d': '3' },
      { 'a/x': '1', b: '2' },
      { 'a/x': '1', b: '2!' },
    ],
    ...[{ 'a/x': '1', b: '2!' }, {}, { a: '1', '"q"': '5' }, { a: '1!' }],
  ];
  // `!` marks an executable file.
  const trees = steps.map((step) => {
    const files = Object.entries(step).map(([path, text]) => [path, textFile(text[0]!, text.endsWith('!'))] as const);
    return new Map(files);
  });
  const commits: CommitId[] = [];
  {
    await using lineage = await openGitLineage({ dir, genomes });
    for (const [n, tree] of [...trees, ...trees].entries()) {
      // The second time each is made from generation 0, not from the one written before.
      const parent = n < trees.length ? (commits.at(-1) ?? null) : commits[0]!;
      commits.push(await lineage.commit(generation(await genomes.put(tree), { generation: n, parent })));
    }
  }
  const reader = openGitReader(dir);
  for (const [n, commit] of commits.entries()) {
    const expected = [...trees[n % trees.length]!].sort(([a], [b]) => (a < b ? -1 : 1));
    expect([...(await reader.tree(commit))]).toEqual(expected);
  }
  expect(git(dir, 'fsck', '--strict', '--full')).toBe('');
});

it('stores a genome without files, and refuses one where a file and a directory share a name', async () => {
  const dir = join(await tempDir(), 'lineage');
  const genomes = createMemoryGenomeStore();
  await using lineage = await openGitLineage({ dir, genomes });
  const empty = await lineage.commit(generation(await genomes.put(new Map())));
  const clash = await genomes.put(
    new Map([
      ['a', textFile('')],
      ['a/b', textFile('')],
    ]),
  );
  await expect(lineage.commit(generation(clash, { generation: 1 }))).rejects.toMatchObject({ code: 'GENOME_INVALID' });
  await lineage.checkpoint();
  expect(await openGitReader(dir).tree(empty)).toEqual(new Map());
});

it('continues where another process stopped, and writes the same notes only once', async () => {
  const expected = refsOf(await written(20));
  const dir = await written(12);
  const genomes = createMemoryGenomeStore();
  for (const until of [15, 20]) {
    await using lineage = await openGitLineage({ dir, genomes });
    for (let n = 0; n < until; n += 1) await writeGeneration(lineage, genomes, n);
  }
  expect(refsOf(dir)).toBe(expected);
});

it('keeps the notes the same when there are so many that git spreads them over folders', async () => {
  const write = async (dir: string, perSession: number) => {
    const genomes = createMemoryGenomeStore();
    for (let end = perSession; end <= 300; end += perSession) {
      await using lineage = await openGitLineage({ dir, genomes });
      for (let n = 0; n < end; n += 1) await writeGeneration(lineage, genomes, n);
    }
    return refsOf(dir);
  };
  const root = await tempDir();
  const [whole, parts] = [await write(join(root, 'a'), 300), await write(join(root, 'b'), 100)];
  expect(parts).toBe(whole);
  expect((await openGitReader(join(root, 'b')).log()).every((entry) => entry.note !== null)).toBe(true);
});

it('groups checkpoints that are asked for at once', async () => {
  const dir = join(await tempDir(), 'lineage');
  const genomes = createMemoryGenomeStore();
  await using lineage = await openGitLineage({ dir, genomes });
  await commitChain(lineage, genomes, { count: 3 });
  const first = lineage.checkpoint();
  const [b0] = await commitChain(lineage, genomes, { count: 1, of: bob });
  await Promise.all([first, ...Array.from({ length: 8 }, () => lineage.checkpoint())]);
  expect(git(dir, 'rev-parse', 'lineage/bob').trim()).toBe(b0);
});

it('gets its own repository inside another one, which it leaves alone', async () => {
  const outer = await tempDir();
  git(outer, 'init', '--quiet');
  const genomes = createMemoryGenomeStore();
  const dir = join(outer, 'results', 'lineage');
  await (async () => {
    await using lineage = await openGitLineage({ dir, genomes });
    await commitChain(lineage, genomes, { count: 2 });
  })();
  expect(git(outer, 'for-each-ref')).toBe('');
  expect(git(dir, 'rev-list', '--all', '--count').trim()).toBe('2');
});

it.each([
  ['the root of another repository', async (dir: string) => void git(dir, 'init', '--quiet')],
  [
    'a directory with files of another repository',
    async (dir: string) => {
      git(dir, 'init', '--quiet', '..');
      await writeFile(join(dir, 'file'), '');
    },
  ],
  [
    'a worktree of another repository',
    async (dir: string) => {
      git(join(dir, '..'), 'init', '--quiet', 'other');
      await writeFile(join(dir, '.git'), `gitdir: ${join(dir, '..', 'other', '.git')}\n`);
    },
  ],
])('refuses %s', async (_, make) => {
  const dir = join(await tempDir(), 'lineage');
  await mkdir(dir);
  await make(dir);
  const before = await readdir(dir);
  await expect(openGitLineage({ dir, genomes: createMemoryGenomeStore() })).rejects.toMatchObject({
    code: 'LINEAGE_CORRUPT',
  });
  expect(await readdir(dir)).toEqual(before);
});

it('opens again after a crash in the middle of creating the repository', async () => {
  const dir = join(await tempDir(), 'lineage');
  await mkdir(join(dir, '.git.new', 'objects'), { recursive: true });
  const genomes = createMemoryGenomeStore();
  await using lineage = await openGitLineage({ dir, genomes });
  await expect(commitChain(lineage, genomes, { count: 1 })).resolves.toHaveLength(1);
});

it('says which git it needs', () => {
  expect(() => requireGitVersion('git version 2.31.9')).toThrow(
    expect.objectContaining({ code: 'PREREQUISITE_MISSING' }),
  );
  expect(() => requireGitVersion('git version 1.99.0')).toThrow(/2\.32 or newer/);
  for (const good of ['git version 2.32.0', 'git version 2.39.5 (Apple Git-154)', 'git version 3.0.0']) {
    expect(() => requireGitVersion(good)).not.toThrow();
  }
});

it('says that git is missing when it is', async () => {
  const dir = join(await tempDir(), 'lineage');
  const path = process.env.PATH;
  process.env.PATH = '/nowhere:/bin/nothing';
  try {
    await expect(openGitLineage({ dir, genomes: createMemoryGenomeStore() })).rejects.toMatchObject({
      code: 'PREREQUISITE_MISSING',
    });
  } finally {
    process.env.PATH = path;
  }
});

it('can be cancelled while it opens', async () => {
  const dir = join(await tempDir(), 'lineage');
  const signal = AbortSignal.abort(new Error('stop'));
  await expect(openGitLineage({ dir, genomes: createMemoryGenomeStore(), signal })).rejects.toThrow('stop');
});

it('reads diffs and graphs as git prints them, and nothing from an empty repository', async () => {
  const dir = await written(9);
  const reader = openGitReader(dir);
  const log = await reader.log();
  const at = (lineage: string, n: number) => log.find((e) => e.lineage === lineage && e.generation === n)!.commit;
  expect(await reader.diff(at('alice', 0), at('alice', 1))).toContain('diff --git a/task.js b/task.js\nindex ');
  expect(await reader.diff(at('alice', 0), at('alice', 1))).toContain('\n-console.log(0);\n+console.log(1);\n');
  expect(await reader.diff(at('alice', 0), at('alice', 0))).toBe('');
  const graph = await reader.graph({ color: false });
  expect(graph).toMatch(/\(.*lineage\/alice\) Try idea 8/);
  expect(graph).not.toContain('Measure');
  expect(graph).not.toContain('\u001b');
  expect(await reader.graph({ color: true, max: 2 })).toContain('\u001b[');
  expect((await reader.graph({ color: false, max: 2 })).match(/Try idea/g)).toHaveLength(2);
  const empty = await written(0);
  expect(await openGitReader(empty).log()).toEqual([]);
  expect(await openGitReader(empty).graph({ color: false })).toBe('');
});

it('does not read another repository by mistake', async () => {
  const outer = await tempDir();
  git(outer, 'init', '--quiet');
  await mkdir(join(outer, 'lineage', '.git'), { recursive: true });
  for (const dir of [join(outer, 'lineage'), join(outer, 'nothing')]) {
    await expect(openGitReader(dir).log()).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
    await expect(openGitReader(dir).tree('1'.repeat(40) as CommitId)).rejects.toMatchObject({
      code: 'LINEAGE_CORRUPT',
    });
  }
});

it('shows a note that somebody wrote by hand', async () => {
  const dir = await written(1);
  git(
    dir,
    '-c',
    'user.name=x',
    '-c',
    'user.email=x@y',
    'notes',
    '--ref',
    'evaluations',
    'add',
    '-f',
    '-m',
    'nice one',
    'lineage/alice',
  );
  expect(await openGitReader(dir).log()).toMatchObject([{ lineage: alice, note: { text: 'nice one\n' } }]);
  const genomes = createMemoryGenomeStore();
  await using lineage = await openGitLineage({ dir, genomes });
  await commitChain(lineage, genomes, { of: bob, count: 1 });
  expect(await genomes.put(genomeFiles(0))).toHaveLength(64);
});
