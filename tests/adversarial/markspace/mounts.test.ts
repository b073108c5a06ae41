import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import type { MountRequest } from '../../../markspace/markspace.ts';
import { defaultPolicy, type Visibility } from '../../../markspace/policy.ts';
import { strategiesScope } from '../../../markspace/scope.ts';
import { textFile } from '../../../src/core/file-tree.ts';
import type { LineageId } from '../../../src/core/ids.ts';
import { canonicalJson, type Json } from '../../../src/core/json.ts';
import type { StrategyRef } from '../../../src/core/records.ts';
import { listTree } from '../../markspace/list-tree.ts';
import { a, aGenome, aMountRequest, b, c, commitOf, openSpace } from '../../markspace/space-fixture.ts';
import { tempDir } from '../../markspace/temp-dir.ts';

async function mountedStrategies() {
  const fixture = await openSpace();
  await fixture.publishAll({ b: 0.5 });
  const mount = async (reader = a) => (await fixture.space.handleFor(reader).mounts(aMountRequest(fixture)))[0]!.source;
  const source = await mount();
  return { fixture, mount, source, genuine: listTree(source) };
}

function force(path: string, change: () => void): void {
  chmodSync(path, 0o700);
  change();
  chmodSync(path, 0o555);
}

it('does not follow a link swapped in for a strategy: it is removed, made anew and recorded', async () => {
  const { fixture, mount, source, genuine } = await mountedStrategies();
  const elsewhere = await tempDir();
  writeFileSync(join(elsewhere, 'task.mjs'), 'evil');
  force(source, () => {
    renameSync(join(source, 'b_gen1'), join(source, 'gone'));
    symlinkSync(elsewhere, join(source, 'b_gen1'));
  });
  expect(await mount()).toBe(source);
  expect(listTree(source)).toEqual(genuine);
  expect(fixture.denied()).toEqual(['tampered']);
  expect(existsSync(join(elsewhere, 'task.mjs'))).toBe(true);
});

// Tried: a change to what was shown in an earlier round, to have it moved into a later view. Stopped by: only what is as it was left is moved.
it.each<[string, (strategy: string) => void]>([
  ['a file more', (strategy) => force(strategy, () => writeFileSync(join(strategy, 'evil.mjs'), 'evil'))],
  [
    'a file more, deeper',
    (strategy) => force(join(strategy, 'lib'), () => writeFileSync(join(strategy, 'lib/evil.mjs'), 'evil')),
  ],
  ['a file less', (strategy) => force(strategy, () => rmSync(join(strategy, 'task.mjs')))],
  [
    'another file by its name',
    (strategy) =>
      force(strategy, () => {
        rmSync(join(strategy, 'task.mjs'));
        writeFileSync(join(strategy, 'task.mjs'), 'evil', { mode: 0o444 });
      }),
  ],
  [
    'other bytes in a file',
    (strategy) => {
      chmodSync(join(strategy, 'task.mjs'), 0o644);
      writeFileSync(join(strategy, 'task.mjs'), 'evil');
      chmodSync(join(strategy, 'task.mjs'), 0o444);
    },
  ],
  [
    'a link in its place',
    (strategy) =>
      force(dirname(strategy), () => {
        renameSync(strategy, `${strategy}-gone`);
        symlinkSync(`${strategy}-gone`, strategy);
      }),
  ],
])('does not show what was spoilt in a view of earlier rounds: %s', async (_what, spoil) => {
  const fixture = await openSpace();
  await fixture.publishAll({ b: 0.5 });
  const show = async (reader: typeof a, round: number) =>
    (await fixture.space.handleFor(reader).mounts(aMountRequest(fixture, { round })))[0]!.source;
  await fixture.publishAll({ c: 0.1 });
  const first = await show(a, 1);
  const genuine = listTree(join(first, 'b_gen1'));
  const spares = () => readdirSync(join(fixture.directory, 'views')).filter((name) => name.endsWith('.spare'));
  await show(c, 2);
  // The view of round 1 is taken apart from here on; another reader opens the round.
  await fixture.publishAll({ c: 0.2 }, 2);
  await show(c, 3);
  expect(spares()).toHaveLength(1);
  spoil(join(fixture.directory, 'views', spares()[0]!, 'strategies/b_gen1'));
  expect(listTree(join(await show(a, 3), 'b_gen1'))).toEqual(genuine);
});

it('does not build into a link swapped in for a round, a reader or the contents', async () => {
  const { fixture, mount, source, genuine } = await mountedStrategies();
  const elsewhere = await tempDir();
  for (const victim of [dirname(source), dirname(dirname(source))]) {
    chmodSync(victim, 0o700);
    renameSync(victim, `${victim}-moved`);
    symlinkSync(elsewhere, victim);
    expect(listTree(await mount())).toEqual(genuine);
    expect(lstatSync(victim).isDirectory()).toBe(true);
  }
  expect(listTree(elsewhere)).toEqual({});
  expect(fixture.denied()).toContain('tampered');
});

it('finds a file that its owner changed, with its times set back, before the next reader sees it', async () => {
  const { fixture, mount, source, genuine } = await mountedStrategies();
  const victim = join(source, 'b_gen1/task.mjs');
  const { atime, mtime, size } = lstatSync(victim);
  chmodSync(victim, 0o644);
  writeFileSync(victim, 'x'.repeat(size));
  utimesSync(victim, atime, mtime);
  chmodSync(victim, 0o444);
  expect(listTree(await mount(c))).toEqual(genuine);
  expect(listTree(await mount(a))).toEqual(genuine);
  expect(fixture.denied()).toContain('tampered');
});

it('finds a file added to a strategy', async () => {
  const { fixture, mount, source, genuine } = await mountedStrategies();
  force(join(source, 'b_gen1'), () => writeFileSync(join(source, 'b_gen1', 'extra.mjs'), 'evil', { mode: 0o444 }));
  expect(listTree(await mount())).toEqual(genuine);
  expect(fixture.denied()).toEqual(['tampered']);
});

it('refuses writes to a materialised file and directory, also to an ordinary owner', async () => {
  const { source } = await mountedStrategies();
  const attempt = `cat "$1/b_gen1/task.mjs"; echo evil > "$1/b_gen1/task.mjs"; echo evil > "$1/b_gen1/new"; rm -f "$1/b_gen1/task.mjs"; mv "$1/b_gen1" "$1/x"; true`;
  const asOwner = process.getuid?.() === 0 ? giveToNobody(source) : {};
  const before = listTree(source);
  const stdio = ['ignore', 'pipe', 'ignore'] as const;
  const shown = execFileSync('sh', ['-c', attempt, 'sh', source], { ...asOwner, stdio: [...stdio], encoding: 'utf8' });
  expect(shown).toBe(before['b_gen1/task.mjs']);
  expect(listTree(source)).toEqual(before);
});

/** Root passes every mode bit, so the files go to an ordinary user for this attempt. */
function giveToNobody(source: string): { uid: number; gid: number } {
  execFileSync('chown', ['-R', '65534:65534', dirname(source)]);
  for (let at = dirname(dirname(source)); at.includes('gal-markspace-'); at = dirname(at)) chmodSync(at, 0o755);
  return { uid: 65_534, gid: 65_534 };
}

it('does not let a peer write its own metadata, in any spelling', async () => {
  const fixture = await openSpace();
  const tree = new Map(aGenome('x'));
  tree.set('Metadata.json', textFile('{"score": 999}\n'));
  const genome = fixture.genomes.put(tree);
  await fixture.space.handleFor(b).publish({ generation: 1, genome, commit: commitOf('x'), score: 0.5 });
  for (const strategies of ['peers', 'sham'] as const) {
    const [mount] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies }));
    const found = listTree(mount!.source);
    expect(Object.keys(found).filter((path) => /metadata/i.test(path))).toEqual(['b_gen1/metadata.json']);
    expect(JSON.parse(found['b_gen1/metadata.json']!)).toMatchObject({ score: 0.5, lineage: 'b' });
  }
});

it('does not show a genome whose stored paths lead out of its directory', async () => {
  const fixture = await openSpace();
  const tree = new Map(aGenome('x')).set('../../../../escape.txt', textFile('evil'));
  const genome = fixture.genomes.put(tree);
  await fixture.space.handleFor(b).publish({ generation: 1, genome, commit: commitOf('x'), score: 0.5 });
  await expect(fixture.space.handleFor(a).mounts(aMountRequest(fixture))).rejects.toMatchObject({
    code: 'GENOME_INVALID',
  });
});

it('never shows a lineage its own strategy, nor anyone one that is not in the snapshot', async () => {
  const fixture = await openSpace();
  await fixture.publishAll({ a: 0.1, b: 0.2 });
  const snapshot = fixture.space.snapshot();
  await fixture.publishAll({ c: 0.3 });
  const seen = async (reader: typeof a) =>
    Object.keys(
      listTree((await fixture.space.handleFor(reader).mounts(aMountRequest(fixture, { snapshot })))[0]!.source),
    );
  expect((await seen(a)).every((path) => path.startsWith('b_gen1/'))).toBe(true);
  expect((await seen(b)).every((path) => path.startsWith('a_gen1/'))).toBe(true);
});

const canary = 0.123456789;
const closed = { train: true, selection: false, peerScores: true };

it.each<[string, Record<string, Json>, Visibility]>([
  ['a selection file', { selection: { score: canary } }, closed],
  ['a test file, even when selection is open', { test: { score: canary } }, { ...closed, selection: true }],
  ['a file of another name', { notes: canary }, closed],
  ['a path for a name', { '../selection': canary }, closed],
  ['a name that only looks like train', { 'train ': canary }, closed],
  ['a look-alike letter', { trаin: canary }, closed],
  ['the prototype', JSON.parse(`{"__proto__": ${canary}}`), closed],
  ['a key inside the train file', { train: { details: [{ selectionScore: canary }] } }, closed],
  ['a key in snake case', { history: [{ best_selection: canary }] }, closed],
  ['a key in compatibility letters', { history: [{ ｓelection: canary }] }, closed],
  ['a selection evaluation under the name of train', { train: { split: 'selection', score: canary } }, closed],
  ['a test evaluation deep inside', { train: { items: [{ split: 'TEST', score: canary }] } }, closed],
  ['a test score beside the train score', { history: [{ trainScore: 1, testScore: canary }] }, closed],
  ['a score that does not say of what', { history: [{ generation: 1, score: canary }] }, closed],
  [
    'train scores in the history while train is hidden',
    { history: [{ trainScore: canary }] },
    { ...closed, train: false },
  ],
  ['the train file while train is hidden', { train: { score: canary } }, { ...closed, train: false }],
])('does not mount %s', async (_what, evals, visibility) => {
  const fixture = await openSpace({ policy: { ...defaultPolicy, visibility } });
  await expect(fixture.space.handleFor(a).mounts(aMountRequest(fixture, { evals }))).rejects.toMatchObject({
    code: 'MARKSPACE_DENIED',
  });
  expect(fixture.denied()).toEqual([expect.stringMatching(/^eval-/)]);
  expect(JSON.stringify([fixture.journal.facts, listTree(fixture.directory)])).not.toContain(String(canary));
});

it('writes what it checked, not what a value turns into afterwards', async () => {
  const fixture = await openSpace();
  let reads = 0;
  const twoFaced = { split: 'train', toJSON: () => (reads++ === 0 ? { split: 'train' } : { selection: canary }) };
  const evals = { train: twoFaced as unknown as Json };
  const mounts = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { evals }));
  expect(JSON.stringify(mounts.map((m) => listTree(m.source)))).not.toContain(String(canary));
});

it('lets no planted selection or test value enter any mount of any arm', async () => {
  const fixture = await openSpace();
  await fixture.publishAll({ a: canary, b: 0.25 });
  const evals = { train: { split: 'train', score: 0.75 }, history: [{ generation: 1, trainScore: 0.75 }] };
  for (const strategies of ['peers', 'none', 'sham'] as const) {
    const mounts = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies, evals }));
    const everything = JSON.stringify(mounts.map((m) => listTree(m.source)));
    // Its own selection score is the planted value: the one number it must not learn.
    expect(everything).not.toContain(String(canary));
    expect(everything).toContain('0.75');
  }
});

it('does not take an unknown mode for a weaker one', async () => {
  const fixture = await openSpace();
  await fixture.publishAll({ b: 0.5 });
  const strategies = 'all' as MountRequest['strategies'];
  await expect(fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies }))).rejects.toMatchObject({
    code: 'MARKSPACE_DENIED',
  });
  for (const round of [-1, 0.5, '../../x' as unknown as number]) {
    await expect(fixture.space.handleFor(a).mounts(aMountRequest(fixture, { round }))).rejects.toMatchObject({
      code: 'MARKSPACE_DENIED',
    });
  }
  expect(fixture.denied()).toEqual(['mode', 'round']);
});

it('makes no directory that another user could have prepared as a trap', async () => {
  const { fixture, mount, source, genuine } = await mountedStrategies();
  const target = dirname(source);
  chmodSync(target, 0o700);
  rmSync(source, { recursive: true });
  mkdirSync(`${target}.partial`);
  writeFileSync(`${target}.partial/planted`, 'evil');
  expect(listTree(await mount())).toEqual(genuine);
  expect(Object.keys(listTree(target)).some((path) => path.includes('planted'))).toBe(false);
  expect(fixture.denied()).toEqual(['tampered']);
});

it('shows nobody what is published for others only, whoever asks for it', async () => {
  const policy = { ...defaultPolicy, openScopes: [] };
  const fixture = await openSpace({
    policy,
    members: [{ id: a, grants: [{ scope: strategiesScope(b), read: true }] }],
  });
  await fixture.publishAll({ a: 0.1, b: 0.2, c: 0.3 });
  const only = (lineage: LineageId) => fixture.space.snapshot().filter((ref) => ref.lineage === lineage);
  for (const strategies of ['peers', 'sham'] as const) {
    const [mount] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies, snapshot: only(b) }));
    expect(readdirSync(mount!.source)).toEqual(['b_gen1']);
    for (const [reader, snapshot] of [
      [a, fixture.space.snapshot()],
      [a, only(c)],
      [b, only(a)],
    ] as const) {
      const asked = fixture.space.handleFor(reader).mounts(aMountRequest(fixture, { strategies, snapshot }));
      await expect(asked).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
    }
  }
  expect(new Set(fixture.denied())).toEqual(new Set(['hidden']));
});

it('shows of another run what it lends and nothing else, and nothing of this run in its place', async () => {
  const lender = await openSpace();
  await lender.publishAll({ b: 0.9, c: 0.8 });
  const [lent, kept] = lender.space.snapshot();
  const fixture = await openSpace({ isLent: (ref) => canonicalJson(ref) === canonicalJson(lent) });
  for (const ref of [lent!, kept!]) fixture.genomes.put(await lender.genomes.get(ref.genome));
  await fixture.publishAll({ b: 0.1 });
  const mounts = (strategies: MountRequest['strategies'], ref: StrategyRef) =>
    fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies, snapshot: [ref] }));
  const [mount] = await mounts('lent', lent!);
  expect(readdirSync(mount!.source)).toEqual(['b_gen1']);
  const own = fixture.space.snapshot()[0]!;
  for (const [mode, ref] of [
    ['lent', kept!],
    ['lent', own],
    ['peers', lent!],
    ['sham', lent!],
  ] as const) {
    await expect(mounts(mode, ref), `${mode} ${ref.lineage}`).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
  }
  const none = await openSpace();
  await expect(
    none.space.handleFor(a).mounts(aMountRequest(none, { strategies: 'lent', snapshot: [lent!] })),
  ).rejects.toMatchObject({ code: 'MARKSPACE_DENIED' });
});
