import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../markspace/policy.ts';
import { removeTree } from '../../markspace/strategies/read-only-directory.ts';
import { parseLineageId } from '../../src/core/ids.ts';
import { listTree, modesOf } from './list-tree.ts';
import { a, aMountRequest, c, commitOf, openSpace, treeOf } from './space-fixture.ts';
import { tempDir } from './temp-dir.ts';

describe('strategies/', () => {
  it('holds the whole genome of every peer with its metadata, and never the reader itself', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ a: 0.1, b: 0.2, c: 0.3 });
    const [strategies, evals] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture));
    expect(strategies!.target).toBe('strategies');
    expect(evals!.target).toBe('evals');
    const found = listTree(strategies!.source);
    expect(Object.keys(found)).toEqual(
      ['b_gen1/', 'c_gen1/'].flatMap((d) => [
        d,
        ...['genome.json', 'lib/', 'lib/help.mjs', 'metadata.json', 'task.mjs'].map((f) => d + f),
      ]),
    );
    expect(found['b_gen1/task.mjs']).toContain('strategyOfb1');
    expect(JSON.parse(found['b_gen1/metadata.json']!)).toEqual({
      lineage: 'b',
      model: 'model-b',
      generation: 1,
      score: 0.2,
    });
    expect(JSON.parse(found['c_gen1/metadata.json']!)).toEqual({ lineage: 'c', generation: 1, score: 0.3 });
  });

  it('is readable and nothing else, files and directories alike', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2 });
    const mounts = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { evals: { train: { score: 1 } } }));
    for (const { source } of mounts) {
      for (const [path, mode] of Object.entries(modesOf(source))) {
        expect([path, mode]).toEqual([path, lstatSync(join(source, path)).isDirectory() ? '555' : '444']);
      }
    }
  });

  it('is there and empty in the arm without strategies', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2 });
    const mounts = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies: 'none' }));
    expect(mounts.map((m) => [m.target, listTree(m.source)])).toEqual([
      ['strategies', {}],
      ['evals', {}],
    ]);
  });

  it('holds in the sham arm as many files of the same sizes and the same metadata, with other names and content', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2, c: 0.4 });
    const of = async (strategies: 'peers' | 'sham', round = 2, seed = 1) => {
      const [mount] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies, seed, round }));
      return listTree(mount!.source);
    };
    const [real, useless] = [await of('peers'), await of('sham')];
    const isKept = (path: string) => /(?:genome|metadata)\.json$/.test(path);
    const sizes = (tree: Record<string, string>) =>
      Object.entries(tree).flatMap(([path, text]) => (isKept(path) ? [] : `${path.split('/').length} ${text.length}`));
    expect(sizes(useless).sort()).toEqual(sizes(real).sort());
    for (const [path, text] of Object.entries(real).filter(([, written]) => written !== '')) {
      if (path.endsWith('/metadata.json')) expect(useless[path]).toBe(text);
      else expect(Object.values(useless)).not.toContain(text);
    }
    expect(Object.keys(useless).filter(isKept)).toEqual(Object.keys(real).filter(isKept));
    expect(await of('sham', 3)).toEqual(useless);
    expect(await of('sham', 2, 2)).not.toEqual(useless);
  });

  it('can leave the published scores out', async () => {
    const fixture = await openSpace({
      policy: { ...defaultPolicy, visibility: { train: true, selection: false, peerScores: false } },
    });
    await fixture.publishAll({ b: 0.2 });
    const [mount] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture));
    expect(JSON.parse(listTree(mount!.source)['b_gen1/metadata.json']!)).not.toHaveProperty('score');
  });
});

describe('evals/', () => {
  it('holds what the experiment opens, as JSON files', async () => {
    const visibility = { train: true, selection: true, peerScores: true };
    const fixture = await openSpace({ policy: { ...defaultPolicy, visibility } });
    const evals = {
      train: { status: 'measured', split: 'train', score: 0.5, items: [{ situation: 's1', testName: 'unit 3' }] },
      selection: { split: 'selection', score: 0.4 },
      history: [{ generation: 1, trainScore: 0.5, verdict: 'promoted' }],
    };
    const mounts = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { evals }));
    const found = listTree(mounts[1]!.source);
    expect(Object.fromEntries(Object.entries(found).map(([k, v]) => [k, JSON.parse(v)]))).toEqual({
      'train.json': evals.train,
      'selection.json': evals.selection,
      'history.json': evals.history,
    });
  });
});

describe('materialising', () => {
  it('gives the same directory for the same request and another one for another', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2 });
    const handle = fixture.space.handleFor(a);
    const [first, again] = await Promise.all([
      handle.mounts(aMountRequest(fixture)),
      handle.mounts(aMountRequest(fixture)),
    ]);
    const inode = lstatSync(join(first![0]!.source, 'b_gen1/task.mjs')).ino;
    expect(again).toEqual(first);
    expect(lstatSync(join(again![0]!.source, 'b_gen1/task.mjs')).ino).toBe(inode);
    const [other] = await handle.mounts(aMountRequest(fixture, { strategies: 'none' }));
    expect(other!.source).not.toBe(first![0]!.source);
    expect(fixture.denied()).toEqual([]);
  });

  it('does not tell by its path which arm it is', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2 });
    for (const strategies of ['sham', 'peers', 'none'] as const) {
      const [mount] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies }));
      expect(mount!.source).toMatch(/\/views\/[0-9a-f]{32}\/strategies$/);
    }
  });

  it('copies nothing for a second reader', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2 });
    const inodes = await Promise.all(
      [a, c].map(async (reader) => {
        const [mount] = await fixture.space.handleFor(reader).mounts(aMountRequest(fixture));
        return lstatSync(join(mount!.source, 'b_gen1/lib/help.mjs')).ino;
      }),
    );
    expect(inodes[0]).toBe(inodes[1]);
  });

  it('starts anew over what a crash left half built, and reuses what was whole', async () => {
    const directory = await tempDir();
    const before = await openSpace({ directory });
    await before.publishAll({ b: 0.2 });
    const [whole, evals] = await before.space.handleFor(a).mounts(aMountRequest(before));
    const views = join(directory, 'views');
    const name = basename(dirname(whole!.source));
    const inode = lstatSync(join(whole!.source, 'b_gen1/task.mjs')).ino;
    mkdirSync(join(views, `${basename(evals!.source)}.partial`, 'evals'), { recursive: true });
    removeTree(evals!.source);
    writeFileSync(join(directory, 'contents', `${'0'.repeat(64)}.partial`), 'half');
    const after = await openSpace({ directory });
    await after.publishAll({ b: 0.2 });
    expect(await after.space.handleFor(a).mounts(aMountRequest(after))).toEqual([whole, evals]);
    expect(lstatSync(join(whole!.source, 'b_gen1/task.mjs')).ino).toBe(inode);
    expect(readdirSync(views).sort()).toEqual([name, basename(evals!.source)].sort());
    expect(readdirSync(join(directory, 'contents')).filter((file) => file.includes('partial'))).toEqual([]);
    expect(after.denied()).toEqual([]);
  });

  it('moves what has not changed out of a view that nobody is shown any more, and leaves nothing else of it', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2 });
    const handle = fixture.space.handleFor(a);
    const shown: string[] = [];
    const inodes: number[] = [];
    for (let round = 1; round <= 6; round += 1) {
      await fixture.publishAll({ c: round / 10 }, round);
      const [mount] = await handle.mounts(aMountRequest(fixture, { round }));
      shown.push(basename(dirname(mount!.source)));
      inodes.push(lstatSync(join(mount!.source, 'b_gen1')).ino);
      const tree = listTree(mount!.source);
      expect(Object.keys(tree).filter((path) => /^[^/]+\/$/.test(path))).toEqual(['b_gen1/', `c_gen${round}/`]);
      expect(tree['b_gen1/task.mjs']).toContain('strategyOfb1');
      expect(tree[`c_gen${round}/task.mjs`]).toContain(`strategyOfc${round}`);
      expect(new Set(Object.values(modesOf(mount!.source)))).toEqual(new Set(['444', '555']));
    }
    // Two views stand at a time, and take turns.
    expect(inodes).toEqual([0, 1, 0, 1, 0, 1].map((i) => inodes[i]));
    expect(inodes[0]).not.toBe(inodes[1]);
    const left = readdirSync(join(fixture.directory, 'views')).filter((name) =>
      shown.some((one) => name.includes(one)),
    );
    expect(left.sort()).toEqual([shown[4]!, shown[5]!, `${shown[3]}.spare`].sort());
    const contents = readdirSync(join(fixture.directory, 'contents')).map((name) =>
      readFileSync(join(fixture.directory, 'contents', name), 'utf8'),
    );
    expect(contents.filter((text) => /strategyOfc[123]\b/.test(text))).toEqual([]);
  });

  it('makes nothing anew in the next round for a reader who is to see the same', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2 });
    const handle = fixture.space.handleFor(a);
    const [first] = await handle.mounts(aMountRequest(fixture, { round: 1 }));
    const { ctimeMs } = lstatSync(first!.source);
    for (let round = 2; round <= 6; round += 1) {
      const [mount] = await handle.mounts(aMountRequest(fixture, { round, evals: { train: { score: round } } }));
      expect(mount).toEqual(first);
    }
    expect(lstatSync(first!.source).ctimeMs).toBe(ctimeMs);
  });

  it.each([
    ['in the same process', false],
    ['after a restart', true],
  ])('finds what was changed in a directory it means to show again, %s', async (_when, isRestarted) => {
    const directory = await tempDir();
    let fixture = await openSpace({ directory });
    await fixture.publishAll({ b: 0.2, c: 0.3 });
    const mountOf = async (round: number) =>
      (await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { round, generation: round })))[0]!.source;
    const genuine = listTree(await mountOf(2));
    const damages: ((source: string) => void)[] = [
      (source) => writeFileSync(join(source, 'b_gen1', 'more.mjs'), 'x', { mode: 0o444 }),
      (source) => rmSync(join(source, 'c_gen1', 'lib', 'help.mjs')),
      (source) => {
        rmSync(join(source, 'b_gen1', 'task.mjs'));
        writeFileSync(join(source, 'b_gen1', 'task.mjs'), genuine['b_gen1/task.mjs']!.replace('x', 'y'), {
          mode: 0o444,
        });
      },
      (source) => renameSync(join(source, 'b_gen1', 'lib'), join(source, 'b_gen1', 'lob')),
    ];
    for (const [i, damage] of damages.entries()) {
      const source = await mountOf(2 + i);
      for (const path of ['', 'b_gen1', 'c_gen1', 'c_gen1/lib', 'b_gen1/lib']) chmodSync(join(source, path), 0o755);
      damage(source);
      for (const path of ['', 'b_gen1', 'c_gen1', 'c_gen1/lib']) chmodSync(join(source, path), 0o555);
      if (isRestarted) {
        fixture = await openSpace({ directory });
        await fixture.publishAll({ b: 0.2, c: 0.3 });
      }
      expect(listTree(await mountOf(3 + i))).toEqual(genuine);
      expect(fixture.denied()).toHaveLength(isRestarted ? 1 : 1 + i);
    }
  });

  it('keeps what this round and the one before showed, and contents only while something shows them', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2 });
    const contents = () => readdirSync(join(fixture.directory, 'contents')).length;
    const shown: string[] = [];
    for (let round = 1; round <= 4; round += 1) {
      if (round === 2) await fixture.publishAll({ b: 0.9 }, 2);
      const evals = { train: { score: round } };
      const mounts = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { round, evals }));
      shown.push(...mounts.map(({ source }) => source));
      if (round === 2) expect(shown.every(existsSync)).toBe(true);
    }
    const isThere = [false, false, true, false, true, true, true, true];
    expect(shown.map(existsSync)).toEqual(isThere);
    expect(readdirSync(join(fixture.directory, 'views'))).toHaveLength(3);
    // genome.json, metadata.json, task.mjs and lib/help.mjs of the newer strategy.
    expect(contents()).toBe(4);
  });

  it('shows many peers to many readers with each content on disk once', async () => {
    const lineages = Array.from({ length: 21 }, (_, i) => ({ id: parseLineageId(`l${i}`) }));
    const fixture = await openSpace({ lineages });
    for (const { id } of lineages) {
      const files = Array.from({ length: 9 }, (_, f) => [`lib/f${f}.mjs`, `// ${id} ${f}\n`]);
      const genome = fixture.genomes.put(treeOf(Object.fromEntries(files) as Record<string, string>));
      await fixture.space.handleFor(id).publish({ generation: 1, genome, commit: commitOf(id), score: 1 });
    }
    for (const reader of ['l0', 'l1', 'l2']) {
      const [mount] = await fixture.space.handleFor(parseLineageId(reader)).mounts(aMountRequest(fixture));
      expect(readdirSync(mount!.source)).toHaveLength(20);
      expect(lstatSync(join(mount!.source, 'l7_gen1/lib/f3.mjs')).nlink).toBe(2 + Number(reader.slice(1)));
    }
    expect(readdirSync(join(fixture.directory, 'contents'))).toHaveLength(21 * 10);
  });
});
