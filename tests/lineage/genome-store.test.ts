import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manifestOf, textFile, treeId } from '../../src/core/file-tree.ts';
import type { GenomeId } from '../../src/core/ids.ts';
import { createFileGenomeStore, createMemoryGenomeStore } from '../../src/lineage/genome-store.ts';
import { genomeFiles, tempDir } from './generations.ts';

const stores = [
  ['memory', async () => createMemoryGenomeStore()],
  ['file', async () => createFileGenomeStore(await tempDir())],
] as const;

describe.each(stores)('GenomeStore contract: %s', (_, open) => {
  it('gives back what was put, under the id of its content', async () => {
    const store = await open();
    const tree = new Map([
      ['z/ü "x".txt', textFile('text')],
      ['a.bin', { bytes: new Uint8Array([0, 255, 10, 13]), isExecutable: true }],
      ['empty', textFile('')],
    ]);
    const id = await store.put(tree);
    expect(id).toBe(treeId(manifestOf(tree)));
    expect(await store.put(new Map([...tree].reverse()))).toBe(id);
    const back = await store.get(id);
    expect([...back.keys()]).toEqual(['a.bin', 'empty', 'z/ü "x".txt']);
    expect(back).toEqual(tree);
    expect(back.get('a.bin')!.bytes.constructor).toBe(Uint8Array);
  });

  it('never changes what is stored, whatever callers do to their copies', async () => {
    const store = await open();
    const file = textFile('before');
    const id = await store.put(new Map([['f', file]]));
    file.bytes.fill(120);
    (await store.get(id)).get('f')!.bytes.fill(121);
    expect(await store.get(id)).toEqual(new Map([['f', textFile('before')]]));
  });

  it('says that a genome is missing', async () => {
    const store = await open();
    await expect(store.get('0'.repeat(64) as GenomeId)).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
  });

  it.each(['../x', '/etc/passwd', '.git/config', 'a//b'])('refuses the path %j', async (path) => {
    const store = await open();
    await expect(store.put(new Map([[path, textFile('x')]]))).rejects.toMatchObject({ code: 'GENOME_INVALID' });
  });
});

describe('file genome store', () => {
  it('stores a file once and does not write it again, in this process or the next', async () => {
    const dir = await tempDir();
    await createFileGenomeStore(dir).put(genomeFiles(0));
    const before = await everyFile(dir);
    const store = createFileGenomeStore(dir);
    await store.put(genomeFiles(0));
    await store.put(genomeFiles(1));
    const after = await everyFile(dir);
    expect(after.size).toBe(before.size + 2); // one changed file, one manifest
    for (const [path, inode] of before) expect(after.get(path)).toBe(inode);
  });

  it('notices a damaged blob, and repairs one that a power failure left empty', async () => {
    const dir = await tempDir();
    const id = await createFileGenomeStore(dir).put(new Map([['f', textFile('content')]]));
    const [blob] = [...(await everyFile(join(dir, 'blobs'))).keys()];
    await writeFile(blob!, 'CONTENT');
    await expect(createFileGenomeStore(dir).get(id)).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
    await writeFile(blob!, '');
    await createFileGenomeStore(dir).put(new Map([['f', textFile('content')]]));
    await expect(createFileGenomeStore(dir).get(id)).resolves.toEqual(new Map([['f', textFile('content')]]));
  });

  it.each([
    ['missing', (path: string) => rm(path)],
    ['cut short', async (path: string) => writeFile(path, (await readFile(path, 'utf8')).slice(0, 20))],
    [
      'naming another path',
      async (path: string) => writeFile(path, (await readFile(path, 'utf8')).replace('"f"', '"../f"')),
    ],
  ])('notices a manifest that is %s', async (_, damage) => {
    const dir = await tempDir();
    const id = await createFileGenomeStore(dir).put(new Map([['f', textFile('content')]]));
    const [manifest] = [...(await everyFile(join(dir, 'manifests'))).keys()];
    await damage(manifest!);
    await expect(createFileGenomeStore(dir).get(id)).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
  });

  it('says so when the directory cannot be written', async () => {
    const dir = join(await tempDir(), 'file');
    await writeFile(dir, '');
    await expect(createFileGenomeStore(dir).put(genomeFiles(0))).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });
});

/** Inode by path, which changes when a file is written anew. */
async function everyFile(dir: string): Promise<Map<string, number>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(paths.map(async (path) => [path, (await stat(path)).ino] as const)));
}
