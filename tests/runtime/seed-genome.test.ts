import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { textOf } from '../../src/core/file-tree.ts';
import { readSeedGenome } from '../../src/runtime/seed-genome.ts';
import { scratch } from './scratch.ts';

const limits = { maxFiles: 5, maxBytes: 1_000, maxFileBytes: 500 };
const manifest = JSON.stringify({ task: { command: ['node', 'task.mjs'] }, meta: { command: ['sh', 'lib/meta.sh'] } });

async function seed(): Promise<string> {
  const dir = await scratch();
  await mkdir(join(dir, 'lib'));
  await writeFile(join(dir, 'genome.json'), manifest);
  await writeFile(join(dir, 'task.mjs'), 'export {};');
  await writeFile(join(dir, 'lib', 'meta.sh'), 'true');
  await chmod(join(dir, 'lib', 'meta.sh'), 0o755);
  return dir;
}

it('reads every file in the order of its path, with the executable bit', async () => {
  const tree = readSeedGenome(await seed(), limits);
  expect([...tree].map(([path, file]) => [path, file.isExecutable])).toEqual([
    ['genome.json', false],
    ['lib/meta.sh', true],
    ['task.mjs', false],
  ]);
  expect(textOf(tree.get('task.mjs')!.bytes)).toBe('export {};');
});

it('leaves out what Python has compiled', async () => {
  const dir = await seed();
  await mkdir(join(dir, 'lib', '__pycache__'));
  await writeFile(join(dir, 'lib', '__pycache__', 'a.cpython-311.pyc'), new Uint8Array([0]));
  expect([...readSeedGenome(dir, limits).keys()]).toEqual(['genome.json', 'lib/meta.sh', 'task.mjs']);
});

it.each<[string, string, (dir: string) => Promise<unknown>]>([
  [
    'has no manifest',
    'genome.json is missing',
    (dir) => import('node:fs/promises').then((fs) => fs.rm(join(dir, 'genome.json'))),
  ],
  ['has a broken manifest', 'genome.json is not JSON', (dir) => writeFile(join(dir, 'genome.json'), '{')],
  ['holds a link', 'link is neither a file nor a directory', (dir) => symlink('task.mjs', join(dir, 'link'))],
  ['holds a link to a directory', 'up is neither a file nor a directory', (dir) => symlink('..', join(dir, 'up'))],
  [
    'holds a repository',
    'reserved by git',
    (dir) => mkdir(join(dir, '.git')).then(() => writeFile(join(dir, '.git', 'x'), '')),
  ],
  ['has a file beyond the limit', 'limits at big', (dir) => writeFile(join(dir, 'big'), 'x'.repeat(501))],
  [
    'is beyond the limit together',
    "exceeds the experiment's genome limits",
    (dir) => Promise.all(['a', 'b'].map((name) => writeFile(join(dir, name), 'x'.repeat(480)))),
  ],
  [
    'has too many files',
    "exceeds the experiment's genome limits",
    (dir) => Promise.all(['a', 'b', 'c'].map((name) => writeFile(join(dir, name), ''))),
  ],
])('refuses a directory that %s, naming it', async (_, message, spoil) => {
  const dir = await seed();
  await spoil(dir);
  const read = () => readSeedGenome(dir, limits);
  expect(read).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  expect(read).toThrow(`the seed folder ${dir} is not a genome: `);
  expect(read).toThrow(message);
});

it('refuses a directory that is not there, or is a file', async () => {
  const dir = await seed();
  for (const path of [join(dir, 'gone'), join(dir, 'task.mjs')]) {
    expect(() => readSeedGenome(path, limits)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(`the seed folder ${path} does not exist`),
      }),
    );
  }
});
