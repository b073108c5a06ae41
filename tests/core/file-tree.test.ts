import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  manifestOf,
  parseTreePath,
  sortTree,
  type TreeFile,
  textFile,
  textOf,
  totalBytes,
  treeId,
} from '../../src/core/file-tree.ts';

const isAccepted = (path: string) => {
  try {
    return parseTreePath(path) === path;
  } catch {
    return false;
  }
};

describe('a path in a tree', () => {
  it.each(['a', 'a/b.txt', '.gitignore', '.github/x', 'a b/ü', '...', 'x'.repeat(512)])('may be %j', (path) => {
    expect(parseTreePath(path)).toBe(path);
  });

  it.each([
    ['', 'is empty'],
    ['/etc/passwd', 'segment'],
    ['a//b', 'segment'],
    ['a/', 'segment'],
    ['./a', 'segment'],
    ['a/../../b', 'segment'],
    ['..', 'segment'],
    ['.git/config', 'reserved by git'],
    ['a/.GIT/hooks/x', 'reserved by git'],
    ['.git. /x', 'reserved by git'],
    ['GIT~1/x', 'reserved by git'],
    ['.g\u200Cit/config', 'control or format'],
    ['a\0b', 'control or format'],
    ['a\nb', 'control or format'],
    ['a\\b', 'backslash'],
    ['a:stream', 'colon'],
    ['e\u0301', 'normal form C'],
    ['\ud800', 'not valid Unicode'],
    ['x'.repeat(513), 'longer than 512 bytes'],
    ['ü'.repeat(257), 'longer than 512 bytes'],
  ])('may not be %j: it %s', (path, why) => {
    expect(() => parseTreePath(path)).toThrow(
      expect.objectContaining({ code: 'GENOME_INVALID', message: expect.stringContaining(why) }),
    );
  });

  it('never leads out of the tree or into .git, whatever spelling was accepted', () => {
    const segment = fc.oneof(
      fc.constantFrom('..', '.', '', '.git', '.GiT', 'git~1', '.git ', 'a', '.\u200dgit'),
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
    );
    const paths = fc.array(segment, { maxLength: 5 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(paths, (path) => {
        if (!isAccepted(path)) return;
        expect(posix.normalize(path)).toBe(path);
        expect(posix.join('/tree', path).startsWith('/tree/')).toBe(true);
        expect(path.toLowerCase().split('/')).not.toContain('.git');
        expect(Buffer.from(path).toString('utf8')).toBe(path);
      }),
      { numRuns: 2_000 },
    );
  });
});

const files = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,4}$/), fc.uint8Array({ maxLength: 8 }), fc.boolean()), {
    selector: ([path]) => path,
    maxLength: 6,
  })
  .map((entries) =>
    entries.map(([path, bytes, isExecutable]) => [path, { bytes, isExecutable }] as [string, TreeFile]),
  );

describe("a tree's id", () => {
  // Pinned: recorded runs name their genomes by these.
  it('is the same for ever', () => {
    const tree = new Map([
      ['genome.json', textFile('{}')],
      ['run.sh', textFile('#!/bin/sh\n', true)],
    ]);
    expect(treeId(manifestOf(tree))).toBe('8b80ad580986bf0e12351947e6dc49bb854cf7ab9dd8e055c19ba513726cf3e5');
    expect(treeId([])).toBe('4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945');
  });

  it('does not depend on the order in which files were found', () => {
    fc.assert(
      fc.property(files, (entries) => {
        expect(treeId(manifestOf(new Map([...entries].reverse())))).toBe(treeId(manifestOf(new Map(entries))));
        expect([...sortTree(entries).keys()]).toEqual(entries.map(([path]) => path).sort());
      }),
    );
  });

  it('changes with a name, a byte, or an executable bit', () => {
    const ids = [
      [['a', textFile('x')]],
      [['b', textFile('x')]],
      [['a', textFile('y')]],
      [['a', textFile('x', true)]],
      [['a', textFile('')]],
      [],
    ].map((entries) => treeId(manifestOf(new Map(entries as [string, TreeFile][]))));
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the bytes of a tree', () => {
  it('are counted as bytes, not as characters', () => {
    expect(
      totalBytes(
        new Map([
          ['a', textFile('üü')],
          ['b', textFile('x')],
        ]),
      ),
    ).toBe(5);
  });

  it('are text only when they are UTF-8 without NUL', () => {
    expect(textOf(textFile('grüße').bytes)).toBe('grüße');
    expect(textOf(Uint8Array.of(0x61, 0, 0x62))).toBeNull();
    expect(textOf(Uint8Array.of(0xff, 0xfe))).toBeNull();
    expect(textOf(Uint8Array.of(0xc3))).toBeNull();
  });
});
