import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFileGenomeStore } from '../../src/lineage/genome-store.ts';
import {
  createRunDirectory,
  findRuns,
  locateRun,
  planRuns,
  readManifest,
  runPaths,
} from '../../src/runtime/run-directory.ts';
import { seedTree } from '../actors/ports.ts';
import { config, manifest } from './run-sample.ts';
import { scratch } from './scratch.ts';

const { format: _, seeds: __, ...parts } = manifest;
const seedTrees = new Map([
  ['alice', seedTree],
  ['bob', seedTree],
]);
const made = async (dir: string) => {
  await createRunDirectory(dir, parts, seedTrees);
  return dir;
};

describe('a run directory', () => {
  it('is read as it was made, with generation 0 of every lineage in its store', async () => {
    const dir = await made(join(await scratch(), 'deep', 'run'));
    const read = readManifest(dir);
    expect(read).toMatchObject({ ...parts, format: 1 });
    expect(Object.keys(read.seeds)).toEqual(['alice', 'bob']);
    const genomes = createFileGenomeStore(runPaths(dir).genomes);
    expect([...(await genomes.get(read.seeds.alice!.genome)).keys()]).toEqual([...seedTree.keys()]);
    expect(await readdir(dir)).not.toContain('config.json.new');
  });

  it('of another format is refused, naming both formats and the version that wrote it', async () => {
    const dir = await made(join(await scratch(), 'run'));
    const path = runPaths(dir).manifest;
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"format": 1', '"format": 2'));
    expect(() => readManifest(dir)).toThrow(
      expect.objectContaining({
        code: 'RUN_FORMAT',
        message: `${dir} has run format 2 (galapagos 0.1.0); this version reads format 1: use the version that wrote it`,
      }),
    );
  });

  it('that is older than a setting is read with its default', async () => {
    const dir = await made(join(await scratch(), 'run'));
    const path = runPaths(dir).manifest;
    const written = JSON.parse(await readFile(path, 'utf8'));
    const { validation: _, ...older } = structuredClone(written.config);
    delete older.sandbox.ceiling;
    await writeFile(path, JSON.stringify({ ...written, config: older }));
    expect(readManifest(dir).config).toEqual(written.config);
    await writeFile(path, JSON.stringify({ ...written, config: { ...older, budget: {} } }));
    expect(() => readManifest(dir)).toThrow(expect.objectContaining({ code: 'RUN_FORMAT' }));
    expect(() => readManifest(dir)).toThrow('budget.generations');
  });

  it.each([
    ['{}', 'run format unknown (galapagos unknown)'],
    ['{', 'not readable JSON'],
    ['', 'not readable JSON'],
  ])('whose manifest is %j is refused', async (text, message) => {
    const dir = await made(join(await scratch(), 'run'));
    await writeFile(runPaths(dir).manifest, text);
    expect(() => readManifest(dir)).toThrow(expect.objectContaining({ code: 'RUN_FORMAT' }));
    expect(() => readManifest(dir)).toThrow(message);
  });

  it('is none without a manifest', async () => {
    const dir = await scratch();
    expect(() => readManifest(dir)).toThrow(
      expect.objectContaining({ code: 'RUN_NOT_FOUND', message: `${dir} is not a run: it has no config.json` }),
    );
  });

  it('cannot be made where a file is in the way', async () => {
    const dir = await scratch();
    await writeFile(join(dir, 'run'), '');
    await expect(made(join(dir, 'run'))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });
});

describe('runs below a directory', () => {
  it('are found by name, and nothing else is', async () => {
    const out = await scratch();
    expect(findRuns(join(out, 'gone'))).toEqual([]);
    await mkdir(join(out, 'group'));
    await writeFile(join(out, 'file'), '');
    await made(join(out, 'b'));
    await made(join(out, 'a'));
    expect(findRuns(out)).toEqual([join(out, 'a'), join(out, 'b')]);
    expect(locateRun('a', out)).toBe(join(out, 'a'));
    expect(locateRun(join(out, 'b'), '/elsewhere')).toBe(join(out, 'b'));
    expect(() => locateRun('c', out)).toThrow(
      expect.objectContaining({ code: 'RUN_NOT_FOUND', message: `no run "c" here or in ${out}; there are: a, b` }),
    );
  });
});

describe('links below a directory', () => {
  it('to runs are followed, whatever else links lead to', async () => {
    const [out, elsewhere] = [await scratch(), await scratch()];
    await made(join(elsewhere, 'deep', 'run'));
    const links = {
      linked: join(elsewhere, 'deep', 'run'),
      above: elsewhere,
      circle: out,
      gone: join(elsewhere, 'gone'),
    };
    for (const [name, to] of Object.entries(links)) await symlink(to, join(out, name));
    await symlink(join(out, 'itself'), join(out, 'itself'));
    await symlink(runPaths(links.linked).manifest, join(out, 'file'));
    expect(findRuns(out)).toEqual([join(out, 'linked')]);
    expect(locateRun('linked', out)).toBe(join(out, 'linked'));
  });

  it('give a run once, by its own name where it has one there', async () => {
    const [out, elsewhere] = [await scratch(), await scratch()];
    await made(join(out, 'run'));
    await made(join(elsewhere, 'other'));
    for (const name of ['a', 'z']) {
      await symlink(join(out, 'run'), join(out, `${name}-run`));
      await symlink(join(elsewhere, 'other'), join(out, `${name}-other`));
    }
    expect(findRuns(out)).toEqual([join(out, 'a-other'), join(out, 'run')]);
  });
});

describe('names of runs', () => {
  const plain = ['demo-paired-1', 'demo-paired-2', 'demo-solo-1', 'demo-solo-2'];

  it('are experiment, arm and seed', async () => {
    const out = await scratch();
    const { group, runs } = planRuns(config, out);
    expect(group).toBe('demo');
    expect(runs.map((r) => r.run)).toEqual(plain);
    expect(runs[2]).toEqual({ run: 'demo-solo-1', dir: join(out, 'demo-solo-1'), arm: 'solo', seed: 1 });
  });

  it.each(['demo-solo-2', 'demo'])('get a suffix together when %s is taken', async (taken) => {
    const out = await scratch();
    await mkdir(join(out, taken));
    expect(planRuns(config, out)).toMatchObject({ group: 'demo-r2', runs: plain.map((run) => ({ run: `${run}-r2` })) });
    await mkdir(join(out, 'demo-paired-1-r2'));
    expect(planRuns(config, out).group).toBe('demo-r3');
  });

  it('are ids even for long experiments, or refused', () => {
    expect(() => planRuns({ ...config, name: 'x'.repeat(63) }, '/nowhere')).toThrow(
      expect.objectContaining({ code: 'ID_INVALID' }),
    );
  });
});
