import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import { textFile } from '../../src/core/file-tree.ts';
import type { GenomeId } from '../../src/core/ids.ts';
import { sha256 } from '../../src/core/json.ts';
import { openAdapterStore } from '../../src/lineage/adapter-store.ts';
import { openGitReader } from '../../src/lineage/git-reader.ts';
import { decodePointer, encodePointer } from '../../src/lineage/lfs-pointer.ts';
import { createMemoryLineage } from '../../src/lineage/memory-lineage.ts';
import { itWithGitLfs, lfsInstalled } from '../support/git-lfs.ts';
import { openRun, weightsOf, writeAdapterFiles } from './adapters.ts';
import { generation, genomeFiles, tempDir } from './generations.ts';

const git = (cwd: string, ...args: string[]) => execFileSync('git', args, { cwd, encoding: 'utf8', stdio: 'pipe' });
const objectOf = (dir: string, bytes: Uint8Array) => {
  const oid = sha256(bytes);
  return join(dir, 'lineage', '.git', 'lfs', 'objects', oid.slice(0, 2), oid.slice(2, 4), oid);
};

/** Generations 0 to `count - 1`, closed. */
async function trained(count: number) {
  const dir = await tempDir();
  const run = await openRun(dir);
  await using _ = run.lineage;
  const commits = [];
  for (let n = 0; n < count; n += 1) commits.push(await run.writeTrained(n));
  return { dir, commits, repository: join(dir, 'lineage') };
}

it('writes pointers as git-lfs specifies them, and takes nothing else for one', () => {
  const oid = '4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393';
  const text = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 12345\n`;
  expect(Buffer.from(encodePointer({ oid, bytes: 12_345 })).toString()).toBe(text);
  expect(decodePointer(Buffer.from(text))).toEqual({ oid, bytes: 12_345 });
  for (const wrong of [text.trimEnd(), `${text}x`, text.replace('4d7a', '4D7A'), text.replace('12345', '012345'), '']) {
    expect(decodePointer(Buffer.from(wrong)), wrong).toBeNull();
  }
});

it('commits a change of weights alone as a generation like any other, which git shows as another digest', async () => {
  const { repository, commits } = await trained(3);
  expect(git(repository, 'fsck', '--strict', '--full', '--no-dangling')).toBe('');
  expect(git(repository, 'ls-tree', '-r', '--name-only', 'lineage/alice').split('\n').slice(0, 6)).toEqual([
    ...['.gitattributes', 'adapter_config.json', 'adapter_model.safetensors', 'optimizer.safetensors'].map(inFolder),
    ...['provenance.json', 'replay.jsonl'].map(inFolder),
  ]);
  expect(git(repository, 'show', 'lineage/alice:adapter/adapter_model.safetensors')).toBe(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256(weightsOf(2))}\nsize 40000\n`,
  );
  const diff = await openGitReader(repository).diff(commits[1]!, commits[2]!);
  expect(diff).toContain(`-oid sha256:${sha256(weightsOf(1))}\n+oid sha256:${sha256(weightsOf(2))}\n`);
  const changed = git(repository, 'diff', '--name-only', commits[1]!, commits[2]!).trim().split('\n');
  expect(changed).toEqual(
    ['adapter_model.safetensors', 'optimizer.safetensors', 'provenance.json', 'replay.jsonl'].map(inFolder),
  );
  const trailer = git(repository, 'log', '-1', '--format=%(trailers:key=Adapter,valueonly)', 'lineage/alice').trim();
  expect(trailer).toMatch(/^sha256:[0-9a-f]{64}$/);
});

const inFolder = (name: string) => `adapter/${name}`;

it('gives the same commits on a replay, and the double in memory the same ids', async () => {
  const [one, other] = [await trained(4), await trained(4)];
  expect(other.commits).toEqual(one.commits);
  const { genomes, adapters, lineage } = await openRun(one.dir);
  await using _ = lineage;
  await using memory = createMemoryLineage({ genomes });
  const { tree } = await adapters.put(writeAdapterFiles(one.dir, 9));
  const next = generation(await genomes.put(genomeFiles(1)), { generation: 0, lineage: 'bob' as never, adapter: tree });
  expect(await memory.commit(next)).toBe(await lineage.commit(next));
});

itWithGitLfs(
  'a checkout with git-lfs has the real weights, and asks no server, whatever a genome configures',
  async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(404).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const dir = await tempDir();
    const run = await openRun(dir);
    const { tree } = await run.adapters.put(writeAdapterFiles(dir, 1));
    const genome = await run.genomes.put(
      new Map([
        ...genomeFiles(1),
        ['.lfsconfig', textFile(`[lfs]\n\turl = http://127.0.0.1:${port}/\n`)],
        ['.gitattributes', textFile('adapter/* -filter -diff text\n')],
      ]),
    );
    await run.lineage.commit(generation(genome, { adapter: tree, isPromoted: true }));
    await run.lineage[Symbol.asyncDispose]();
    const repository = join(dir, 'lineage');
    const home = { ...process.env, HOME: dir, GIT_CONFIG_NOSYSTEM: '1' };
    const checkout = async (name: string) => {
      const args = [...lfsInstalled, 'worktree', 'add', '--detach', join(dir, name), 'lineage/alice'];
      const child = spawn('git', args, { cwd: repository, env: home, stdio: 'ignore' });
      const [code] = (await once(child, 'exit')) as [number];
      return code;
    };
    expect(await checkout('look')).toBe(0);
    expect(readFileSync(join(dir, 'look', 'adapter', 'adapter_model.safetensors'))).toEqual(weightsOf(1));
    expect(readFileSync(join(dir, 'look', 'adapter', 'replay.jsonl'), 'utf8')).toContain('disk 1');
    const lfs = [...lfsInstalled, 'lfs', 'fsck', 'lineage/alice'];
    expect(execFileSync('git', lfs, { cwd: join(dir, 'look'), env: home, encoding: 'utf8' })).toMatch(/OK/);
    execFileSync('rm', [objectOf(dir, weightsOf(1))]);
    expect(await checkout('lacking')).not.toBe(0);
    expect(asked).toEqual([]);
  },
  60_000,
);

it('refuses to commit weights that are not there, or beside a genome in their place, and goes on', async () => {
  const dir = await tempDir();
  const { genomes, adapters, lineage, writeTrained } = await openRun(dir);
  await using _ = lineage;
  const { tree } = await adapters.put(writeAdapterFiles(dir, 1));
  const squatter = await genomes.put(new Map([...genomeFiles(1), ['adapter/mine.txt', textFile('x')]]));
  await expect(lineage.commit(generation(squatter, { adapter: tree }))).rejects.toMatchObject({
    code: 'GENOME_INVALID',
    message: expect.stringContaining('adapter/mine.txt'),
  });
  execFileSync('rm', [objectOf(dir, weightsOf(1))]);
  const genome = await genomes.put(genomeFiles(1));
  await expect(lineage.commit(generation(genome, { adapter: tree }))).rejects.toMatchObject({
    code: 'LINEAGE_CORRUPT',
    message: expect.stringContaining(sha256(weightsOf(1))),
  });
  await expect(writeTrained(0)).resolves.toMatch(/^[0-9a-f]{40}$/);
});

it('gives back what it was given, weights, optimiser and replay together, and nothing of a damaged one', async () => {
  const dir = await tempDir();
  const { adapters, lineage } = await openRun(dir);
  await using _ = lineage;
  const source = writeAdapterFiles(dir, 1);
  const stored = await adapters.put(source);
  const back = join(dir, 'back');
  expect(await adapters.restore(stored.tree, back)).toBe(stored.id);
  const kept = readdirSync(source).filter((name) => name !== 'trainer_state.json');
  expect(readdirSync(back)).toEqual(kept);
  for (const name of kept) expect(readFileSync(join(back, name))).toEqual(readFileSync(join(source, name)));

  const { tree } = await adapters.put(writeAdapterFiles(dir, 2));
  writeFileSync(objectOf(dir, weightsOf(102)), weightsOf(3));
  await expect(adapters.restore(tree, back)).rejects.toMatchObject({
    code: 'WEIGHTS_INVALID',
    message: expect.stringMatching(/lfs\/objects\/.* is damaged/),
  });
  expect(readFileSync(join(back, 'adapter_model.safetensors'))).toEqual(weightsOf(1));
  expect(readdirSync(dir).filter((name) => name.startsWith('back'))).toEqual(['back']);
  await adapters.put(writeAdapterFiles(dir, 2)); // mends it
  await adapters.restore(tree, back);
  expect(readFileSync(join(back, 'optimizer.safetensors'))).toEqual(weightsOf(102));
});

it.each(['adapter_config.json', 'adapter_model.safetensors'])(
  'refuses a directory without %s by its name',
  async (name) => {
    const dir = await tempDir();
    const { adapters, lineage } = await openRun(dir);
    await using _ = lineage;
    const source = writeAdapterFiles(dir, 1);
    execFileSync('rm', [join(source, name)]);
    await expect(adapters.put(source)).rejects.toMatchObject({
      code: 'WEIGHTS_INVALID',
      message: expect.stringContaining(join(source, name)),
    });
  },
);

it('needs the repository: made first, it would be taken for somebody else’s', async () => {
  const dir = await tempDir();
  expect(() => openAdapterStore({ dir, genomes: null as never })).toThrow(/no lineage repository/);
  expect(readdirSync(dir)).toEqual([]);
});

it('removes by content what no commit names and nobody is about to commit', async () => {
  const dir = await tempDir();
  const { adapters, lineage, genomes, writeTrained } = await openRun(dir);
  await using _ = lineage;
  for (const n of [0, 1, 2]) await writeTrained(n);
  const refused = generation(await genomes.put(genomeFiles(5)), { lineage: 'bob' as never });
  await lineage.commit({ ...refused, adapter: (await adapters.put(writeAdapterFiles(dir, 3))).tree });
  await lineage.checkpoint();
  const inFlight = await adapters.put(writeAdapterFiles(dir, 4));
  await adapters.put(writeAdapterFiles(dir, 5));
  const garbage = [weightsOf(5), weightsOf(105), readFileSync(join(dir, 'adapter-5', 'replay.jsonl'))];
  expect(await adapters.prune([inFlight.tree])).toEqual(garbage.map(sha256).sort());
  for (const n of [1, 2, 3, 4]) expect(existsSync(objectOf(dir, weightsOf(n)))).toBe(true);
  expect(existsSync(objectOf(dir, weightsOf(5)))).toBe(false);
  expect(await adapters.prune([])).toContain(sha256(weightsOf(4)));
  expect(existsSync(objectOf(dir, weightsOf(3)))).toBe(true);
});

const jiti = join(dirname(createRequire(import.meta.url).resolve('jiti/package.json')), 'lib', 'jiti-cli.mjs');

it('killed at any moment, has whole weights for every commit that can be seen, and comes to the same ones again', async () => {
  const dir = await tempDir();
  const program = join(import.meta.dirname, 'programs', 'train-until-killed.ts');
  const child = spawn(process.execPath, [jiti, program, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (acknowledged.push(line) === 20) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  const seen = await openGitReader(join(dir, 'lineage')).log();
  expect(seen.length).toBeGreaterThanOrEqual(18);
  const run = await openRun(dir);
  await using _ = run.lineage;
  expect(existsSync(join(dir, 'lineage', '.git', 'lfs', 'tmp'))).toBe(false);
  for (const { commit, generation: n } of seen.filter((entry) => entry.generation > 0)) {
    const files = await openGitReader(join(dir, 'lineage')).tree(commit);
    const adapter = [...files].filter(([path]) => path.startsWith('adapter/'));
    const tree: GenomeId = await run.genomes.put(new Map(adapter.map(([path, file]) => [path.slice(8), file])));
    await run.adapters.restore(tree, join(dir, 'restored'));
    expect(readFileSync(join(dir, 'restored', 'adapter_model.safetensors'))).toEqual(weightsOf(n));
  }
  for (const [n, commit] of acknowledged.entries()) expect(await run.writeTrained(n)).toBe(commit);
}, 120_000);
