import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isModulePath, loadPlugin, parseParams } from '../../src/runtime/plugins.ts';
import { scratch } from './scratch.ts';

const core = fileURLToPath(new URL('../../src/core', import.meta.url));
const niche = `{ kind: 'niche', name: 'mine', params: null, create: () => ({ name: 'made' }) }`;

async function load(name: string, text: string, kind: Parameters<typeof loadPlugin>[0] = 'niche') {
  const dir = await scratch();
  await writeFile(join(dir, name), text);
  return { dir, loaded: loadPlugin(kind, `./${name}`, dir) };
}

describe('a module', () => {
  it.each([
    ['exports it as its default', 'm.mjs', `export default ${niche};`],
    ['exports it by name, beside other things', 'm.mjs', `export const version = 3; export const it = ${niche};`],
    ['is CommonJS', 'm.cjs', `module.exports = ${niche};`],
    ['is CommonJS with a name', 'm.cjs', `exports.it = ${niche};`],
  ])('may be one that %s', async (_, name, text) => {
    const { loaded } = await load(name, text);
    expect(await loaded).toMatchObject({ kind: 'niche', name: 'mine', create: expect.any(Function) });
  });

  it.each(['m.ts', 'm.mts'])('may be TypeScript that imports the project: %s', async (name) => {
    const { loaded } = await load(
      name,
      `import { defineSelection } from '${core}/define.ts';
       import type { ArchiveEntry } from '${core}/define.ts';
       const select = (archive: readonly ArchiveEntry[]): number => archive[0]!.generation;
       export default defineSelection({ name: 'first', select });`,
      'selection',
    );
    const definition = (await loaded) as unknown as { name: string; select: (a: unknown[]) => number };
    expect(definition.name).toBe('first');
    expect(definition.select([{ generation: 4 }])).toBe(4);
  });

  it('may be named by an absolute path', async () => {
    const { dir } = await load('m.mjs', `export default ${niche};`);
    expect(await loadPlugin('niche', join(dir, 'm.mjs'), '/elsewhere')).toMatchObject({ name: 'mine' });
  });
});

describe('a module is refused, by the name of its file, that', () => {
  it.each([
    [
      'defines another kind',
      `export default { kind: 'model', name: 'm', create() {} };`,
      'it defines a model; export what defineNiche',
    ],
    ['defines nothing', 'export const a = 1;', 'it exports nothing of the kind; export what defineNiche'],
    ['exports nothing', '', 'it exports nothing of the kind'],
    ['exports null', 'export default null;', 'it exports nothing of the kind'],
    ['has no name', `export default { kind: 'niche', create() {} };`, 'export what defineNiche'],
    [
      'lacks its function',
      `export default { kind: 'niche', name: 'mine' };`,
      'niche mine has no function create; use defineNiche',
    ],
    ['throws while it loads', `throw new Error('boom');`, 'cannot be loaded: boom'],
    ['does not parse', 'export default {', 'cannot be loaded'],
    ['imports what is not there', `import './gone.mjs';`, 'cannot be loaded'],
  ])('%s', async (_, text, message) => {
    const { dir, loaded } = await load('m.mjs', text);
    await expect(loaded).rejects.toMatchObject({ code: 'PLUGIN_INVALID' });
    await expect(loaded).rejects.toThrow(join(dir, 'm.mjs'));
    await expect(loaded).rejects.toThrow(message);
  });

  it('does not exist', async () => {
    const dir = await scratch();
    await expect(loadPlugin('model', './gone.ts', dir)).rejects.toMatchObject({
      code: 'PLUGIN_INVALID',
      message: `model module ${join(dir, 'gone.ts')} does not exist`,
    });
  });

  it('is TypeScript that throws', async () => {
    const { loaded } = await load('m.ts', `const n: number = 1; throw new Error('boom ' + n);`);
    await expect(loaded).rejects.toMatchObject({ code: 'PLUGIN_INVALID' });
    await expect(loaded).rejects.toThrow('boom 1');
  });
});

it.each([
  ['./niche.ts', true],
  ['../x', true],
  ['/abs/x', true],
  ['niche.mjs', true],
  ['niche.cts', true],
  ['circle-packing', false],
  ['mutator:numeric', false],
])('takes %s for a path: %s', (module, isPath) => {
  expect(isModulePath(module)).toBe(isPath);
});

describe('parameters', () => {
  const definition = { kind: 'niche', name: 'mine', params: z.strictObject({ n: z.int().default(3) }) } as const;

  it('get their defaults, and go as they are where nothing is declared', () => {
    expect(parseParams(definition, undefined)).toEqual({ n: 3 });
    expect(parseParams(definition, { n: 5 })).toEqual({ n: 5 });
    expect(parseParams({ kind: 'niche', name: 'mine' }, { anything: 1 })).toEqual({ anything: 1 });
  });

  it('that do not fit are refused, naming the module and the path', () => {
    const parse = () => parseParams(definition, { n: 'x', m: 1 });
    expect(parse).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(parse).toThrow(/params of niche mine:[\s\S]*n\b/);
  });
});
