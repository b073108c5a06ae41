import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultPolicy } from '../../markspace/policy.ts';
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

  it('holds in the sham arm the same paths, sizes and metadata, and other content', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2, c: 0.4 });
    const of = async (strategies: 'peers' | 'sham', round = 2, seed = 1) => {
      const [mount] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { strategies, seed, round }));
      return listTree(mount!.source);
    };
    const [real, useless] = [await of('peers'), await of('sham')];
    expect(Object.keys(useless)).toEqual(Object.keys(real));
    for (const [path, text] of Object.entries(real)) {
      expect(useless[path]).toHaveLength(text.length);
      const isKept = /(?:genome|metadata)\.json$/.test(path) || text === '';
      expect([path, useless[path] === text]).toEqual([path, isKept]);
    }
    expect(await of('sham', 3)).toEqual(useless);
    expect(await of('sham', 2, 2)).not.toEqual(useless);
  });

  it('can leave the published scores out', async () => {
    const fixture = await openSpace({ policy: { ...defaultPolicy, showPeerScores: false } });
    await fixture.publishAll({ b: 0.2 });
    const [mount] = await fixture.space.handleFor(a).mounts(aMountRequest(fixture));
    expect(JSON.parse(listTree(mount!.source)['b_gen1/metadata.json']!)).not.toHaveProperty('score');
  });
});

describe('evals/', () => {
  it('holds what the experiment opens, as JSON files', async () => {
    const fixture = await openSpace();
    const evals = {
      train: { status: 'measured', split: 'train', score: 0.5, items: [{ situation: 's1', testName: 'unit 3' }] },
      selection: { split: 'selection', score: 0.4 },
      history: [{ generation: 1, trainScore: 0.5, verdict: 'promoted' }],
    };
    const visibility = { train: true, selection: true };
    const mounts = await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { evals, visibility }));
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
      expect(mount!.source).toMatch(/\/round-2\/a-[0-9a-f]{16}\/strategies$/);
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
    const [whole] = await before.space.handleFor(a).mounts(aMountRequest(before));
    const name = whole!.source.split('/').at(-2)!;
    mkdirSync(join(directory, 'round-3', `${name}.partial`, 'strategies'), { recursive: true });
    writeFileSync(join(directory, 'contents', `${'0'.repeat(64)}.partial`), 'half');
    const after = await openSpace({ directory });
    await after.publishAll({ b: 0.2 });
    expect(await after.space.handleFor(a).mounts(aMountRequest(after))).toEqual([
      whole,
      expect.objectContaining({ target: 'evals' }),
    ]);
    const [next] = await after.space.handleFor(a).mounts(aMountRequest(after, { round: 3 }));
    expect(Object.keys(listTree(next!.source))).toContain('b_gen1/task.mjs');
    expect(readdirSync(join(directory, 'round-3'))).toEqual([name]);
    expect(after.denied()).toEqual([]);
  });

  it('keeps this round and the one before, and contents only while something shows them', async () => {
    const fixture = await openSpace();
    await fixture.publishAll({ b: 0.2 });
    const contents = () => readdirSync(join(fixture.directory, 'contents')).length;
    for (let round = 1; round <= 4; round += 1) {
      if (round === 2) await fixture.publishAll({ b: 0.9 }, 2);
      await fixture.space.handleFor(a).mounts(aMountRequest(fixture, { round }));
    }
    expect(existsSync(join(fixture.directory, 'round-2'))).toBe(false);
    expect(existsSync(join(fixture.directory, 'round-3'))).toBe(true);
    expect(existsSync(join(fixture.directory, 'round-4'))).toBe(true);
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
