import { expect, it } from 'vitest';
import { collectTree } from '../../markspace/collect/collect.ts';
import { defaultPolicy, type MarkspacePolicy } from '../../markspace/policy.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { a, aGenome, openSpace, treeOf } from './space-fixture.ts';

const parent = aGenome('p');
const collect = (child: typeof parent, changes: Partial<MarkspacePolicy> = {}, from = parent) =>
  collectTree({ generation: 1, parent: from, child }, { ...defaultPolicy, ...changes });
const tight = (changes: Partial<MarkspacePolicy['genome']>) => ({ genome: { ...defaultPolicy.genome, ...changes } });

it('lets an ordinary edit through and names what changed, removed and added files included', () => {
  const child = new Map(parent);
  child.delete('lib/help.mjs');
  child.set('task.mjs', textFile('export const better = 2;\n'));
  child.set('lib/new.mjs', textFile('export const x = 1;\n'));
  const collected = collect(child);
  expect(collected).toMatchObject({ allowed: true, changedFiles: ['lib/help.mjs', 'lib/new.mjs', 'task.mjs'] });
  if (!collected.allowed) throw new Error('refused');
  expect([...collected.tree.keys()]).toEqual(['genome.json', 'lib/new.mjs', 'task.mjs']);
});

it('gives a tree that later changes of the sandbox copy do not reach', () => {
  const bytes = new TextEncoder().encode('one\n');
  const child = new Map(parent).set('a.txt', { bytes, isExecutable: false });
  const collected = collect(child);
  bytes.set([0x74]);
  child.clear();
  if (!collected.allowed) throw new Error('refused');
  expect(new TextDecoder().decode(collected.tree.get('a.txt')!.bytes)).toBe('one\n');
  expect(collected.tree.size).toBe(4);
});

it.each([
  ['max-files', { maxFiles: 3 }, { 'x.txt': '' }],
  ['max-file-bytes', { maxFileBytes: 1_000 }, { 'x.txt': 'y\n'.repeat(600) }],
  ['max-bytes', { maxBytes: 1_000 }, { 'x.txt': 'y\n'.repeat(450) }],
  ['max-growth-lines', { maxGrowthLines: 10 }, { 'x.txt': 'y\n'.repeat(11) }],
] as const)('refuses what passes the limit %s, and lets what reaches it through', (rule, limit, files) => {
  const child = new Map([...parent, ...treeOf(files)]);
  expect(collect(child, tight(limit))).toMatchObject({ allowed: false, rule });
  const [name, value] = Object.entries(limit)[0]!;
  expect(collect(child, tight({ [name]: Number(value) * 2 }))).toMatchObject({ allowed: true });
});

it('counts as growth only lines that were nowhere before', () => {
  const child = new Map(parent);
  child.set('moved/help.mjs', child.get('lib/help.mjs')!);
  child.delete('lib/help.mjs');
  expect(collect(child, tight({ maxGrowthLines: 1 }))).toMatchObject({ allowed: true });
  child.set('lib/help.mjs', parent.get('lib/help.mjs')!);
  expect(collect(child, tight({ maxGrowthLines: 2 }))).toMatchObject({ allowed: false, rule: 'max-growth-lines' });
});

it('treats a new executable bit as the policy says, and never one the parent had', () => {
  const child = new Map(parent).set('run.sh', textFile('echo hi\n', true));
  expect(collect(child)).toMatchObject({ allowed: false, rule: 'executable-bit' });
  const cleared = collect(child, { executableBit: 'clear' });
  if (!cleared.allowed) throw new Error('refused');
  expect(cleared.tree.get('run.sh')!.isExecutable).toBe(false);
  expect(collect(child, { executableBit: 'allow' })).toMatchObject({ allowed: true });
  const changed = new Map(child).set('run.sh', textFile('echo ho\n', true));
  expect(collect(changed, {}, child)).toMatchObject({ allowed: true, changedFiles: ['run.sh'] });
});

it('refuses new files that are not text, unless the policy allows them, and keeps inherited ones', () => {
  const binary = { bytes: new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0]), isExecutable: false };
  const child = new Map(parent).set('tool.bin', binary);
  expect(collect(child)).toMatchObject({ allowed: false, rule: 'file-type' });
  expect(collect(child, { binaryFiles: 'allow' })).toMatchObject({ allowed: true });
  expect(collect(new Map(child).set('x.txt', textFile('x\n')), {}, child)).toMatchObject({ allowed: true });
});

it.each(['adapter/x.txt', 'Adapter/x.txt', 'adapter'])('keeps %s free: weights have that place in a commit', (path) => {
  expect(collect(new Map(parent).set(path, textFile('x\n')))).toMatchObject({
    ...{ allowed: false, rule: 'reserved-path', message: expect.stringContaining('outside adapter/') },
  });
  expect(collect(new Map(parent).set('adapters/x.txt', textFile('x\n')))).toMatchObject({ allowed: true });
});

it('records a refusal before it is told, once per refusal', async () => {
  const { space, journal } = await openSpace();
  const child = new Map(parent).set('evals/x.json', textFile('{}'));
  for (let i = 0; i < 2; i += 1) {
    const collected = await space.handleFor(a).collect({ generation: 4, parent, child });
    expect(collected).toMatchObject({ allowed: false, rule: 'reserved-path' });
  }
  expect(journal.facts).toHaveLength(1);
  expect(journal.facts[0]).toMatchObject({
    type: 'guard.denied',
    body: { lineage: 'a', operation: 'collect', generation: 4, rule: 'reserved-path' },
  });
});
