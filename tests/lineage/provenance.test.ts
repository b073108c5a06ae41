import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { monotonicMs } from '../../src/core/clock.ts';
import { type FileTree, textFile } from '../../src/core/file-tree.ts';
import { parseCommitId, parseGenomeId, parseLineageId } from '../../src/core/ids.ts';
import { gramTokens, windowGrams } from '../../src/lineage/fingerprints.ts';
import {
  type AdoptionQuestion,
  createGramSet,
  createLineSet,
  createReadTracker,
  detectAdoption,
  fingerprint,
  type PeerStrategy,
  shareInTree,
} from '../../src/lineage/provenance.ts';

const commit = parseCommitId('c'.repeat(40));
const tree = (...texts: string[]): FileTree => new Map(texts.map((text, i) => [`f${i}.py`, textFile(text)]));

function peer(lineage: string, files: FileTree, changes: Partial<PeerStrategy> = {}): PeerStrategy {
  const ref = {
    lineage: parseLineageId(lineage),
    generation: 3,
    commit,
    genome: parseGenomeId('a'.repeat(64)),
    score: 1,
  };
  return { ref, tree: files, reached: true, ...changes };
}

function ask(child: string, changes: Partial<AdoptionQuestion> & { before?: string } = {}) {
  const parent = tree(changes.before ?? seed);
  const ancestry = createLineSet(parent);
  return detectAdoption({ child: tree(child), parent, ancestry, peers: [], minLines: 3, minShare: 0.2, ...changes });
}

const seed = 'import json\ndef solve(x):\n    return x\n';
const retry = [
  'def retry(call, times):',
  '    for attempt in range(times):',
  '        answer = call(attempt)',
  '        if answer is not None:',
  '            return answer',
  '',
].join('\n');

/** A function nobody else has: its lines are made of words with a number of their own. */
const uniqueFunction = fc
  .tuple(fc.uniqueArray(fc.integer({ min: 0, max: 1e9 }), { minLength: 5, maxLength: 20 }), fc.nat(3))
  .map(([ids, indent]) => ids.map((id) => `${' '.repeat(indent)}value_${id} = compute(${id})`).join('\n'));
const lineage = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);

describe('fingerprint', () => {
  it('sees any shared run of tokens that is long enough, wherever it stands', () => {
    const words = (prefix: string) =>
      fc.array(fc.nat(50), { maxLength: 60 }).map((ids) => ids.map((id) => `${prefix}${id}`).join(' '));
    const run = fc
      .array(fc.nat(1e6), { minLength: gramTokens + windowGrams - 1, maxLength: 30 })
      .map((ids) => ids.map((id) => `s${id}`).join(' '));
    fc.assert(
      fc.property(words('a'), words('b'), words('c'), words('d'), run, (a, b, c, d, shared) => {
        const other = fingerprint(`${c} ${shared}\n${d}`);
        expect([...fingerprint(`${a} ${shared} ${b}`)].some((print) => other.has(print))).toBe(true);
      }),
    );
  });

  it('keeps far fewer prints than tokens', () => {
    const text = Array.from({ length: 4_000 }, (_, i) => `w${(i * 7_919) % 1_009}`).join(' ');
    expect(fingerprint(text).size).toBeLessThan(2_200);
  });

  it('does not change when a text is shown with line numbers or inside JSON', () => {
    const numbered = retry.split('\n').map((line, i) => `${String(i + 1).padStart(6)}\t${line}`);
    for (const shown of [numbered.join('\n'), JSON.stringify(retry), JSON.stringify({ text: JSON.stringify(retry) })]) {
      const prints = fingerprint(shown);
      const original = [...fingerprint(retry)];
      expect(original.filter((print) => prints.has(print)).length / original.length).toBeGreaterThan(0.7);
    }
  });

  it.each(['', '{}', 'one two three four five'])('has nothing to say about %j', (text) => {
    expect(fingerprint(text).size).toBe(0);
  });
});

describe('read tracker', () => {
  const file = (name: string, text: string) => ({
    peer: parseLineageId(name),
    generation: 1,
    commit,
    path: 'a.py',
    text,
  });

  it('tells whose file reached the model, whole or in parts', () => {
    const other = retry.replaceAll(/\w+/g, (word) => `${word}_other`);
    const tracker = createReadTracker([file('bob', retry), file('carol', other)]);
    expect(tracker.shares().map((read) => read.shareInModel)).toEqual([0, 0]);
    tracker.see(`Here is a file:\n${retry.slice(0, 60)}`);
    const half = tracker.shares()[0]!.shareInModel;
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(1);
    tracker.see(JSON.stringify({ role: 'tool', content: `$ cat bob/a.py\n${retry}` }));
    expect(tracker.shares()).toEqual([
      { peer: 'bob', generation: 1, commit, path: 'a.py', shareInModel: 1 },
      { peer: 'carol', generation: 1, commit, path: 'a.py', shareInModel: 0 },
    ]);
  });

  it('does not take the reader its own files for the peer that has the same', () => {
    const own = createGramSet(tree(seed.repeat(3)));
    const tracker = createReadTracker([file('bob', seed.repeat(3)), file('carol', `${seed.repeat(3)}\n${retry}`)], own);
    tracker.see(seed.repeat(3));
    expect(tracker.shares().map((read) => read.shareInModel)).toEqual([0, 0]);
    tracker.see(`${seed.repeat(3)}\n${retry}`);
    expect(tracker.shares().map((read) => read.shareInModel)).toEqual([0, 1]);
  });

  it('does not take a phrase for a file, and does take a hundred tokens, however large the file is', () => {
    const line = (i: number) => `value_${i} = compute_${i}(first_${i}, second_${i})`;
    const lines = Array.from({ length: 400 }, (_, i) => line(i));
    const share = (shown: number, of: number) => {
      const tracker = createReadTracker([file('bob', lines.slice(0, of).join('\n'))]);
      tracker.see(lines.slice(0, shown).join('\n'));
      return tracker.shares()[0]!.shareInModel;
    };
    expect(share(2, 40)).toBe(0);
    expect(share(8, 40)).toBeCloseTo(0.2, 1);
    expect(share(4, 400)).toBe(0);
    expect(share(16, 400)).toBeCloseTo(0.04, 1);
  });

  it('always sees the whole of a file that passes whole', () => {
    fc.assert(
      fc.property(uniqueFunction, fc.string(), fc.string(), (text, before, after) => {
        const tracker = createReadTracker([file('bob', text)]);
        tracker.see(`${before}\n${text}\n${after}`);
        expect(tracker.shares()[0]?.shareInModel).toBe(1);
      }),
    );
  });

  it('looks at 20 KB in well under the time of a model call', () => {
    const text = Array.from({ length: 600 }, (_, i) => `    value_${i} = step(${i}, other[${i * 3}])`)
      .join('\n')
      .slice(0, 20_000);
    const tracker = createReadTracker([file('bob', text)]);
    for (let i = 0; i < 50; i += 1) tracker.see(text);
    const times = Array.from({ length: 50 }, () => {
      const start = monotonicMs();
      tracker.see(text);
      return monotonicMs() - start;
    });
    expect(Math.min(...times)).toBeLessThan(5); // 0.5 ms on a quiet machine
  });
});

describe('share in tree', () => {
  it('is the share of the lines that are there, spacing aside', () => {
    expect(shareInTree(retry, tree(seed))).toBe(0);
    expect(shareInTree(retry, tree(`${seed}${retry.replaceAll('    ', '\t')}`))).toBe(1);
    expect(shareInTree(retry, tree(retry.split('\n').slice(0, 2).join('\n')))).toBeCloseTo(2 / 5);
    expect(shareInTree('', tree(seed))).toBe(0);
  });

  it('is nothing for a line or two of a long file, and something for a block', () => {
    const lines = Array.from({ length: 200 }, (_, i) => `value_${i} = compute(${i})`);
    const taken = (n: number) => shareInTree(lines.join('\n'), tree(lines.slice(0, n).join('\n')));
    expect([taken(2), taken(7), taken(8)]).toEqual([0, 0, 0.04]);
  });

  it('leaves out what the agent had anyway', () => {
    expect(shareInTree(`${seed}${retry}`, tree(seed), createLineSet(tree(seed)))).toBe(0);
  });
});

describe('adoption', () => {
  it('is found when the child takes a function of a peer', () => {
    const b = peer('bob', tree(`${seed}\n${retry}`));
    expect(ask(`${seed}${retry}\nown = thought(1)\n`, { peers: [b] })).toEqual({ from: b.ref, lines: 5, share: 5 / 6 });
  });

  it('is not found for a peer that was read and not used', () => {
    expect(ask(`${seed}\nown = thought(1)\n`, { peers: [peer('bob', tree(retry))] })).toBeNull();
  });

  it('is not found for lines that the own ancestry had before', () => {
    const ancestry = createLineSet(tree(seed), tree(retry));
    expect(ask(`${seed}${retry}`, { peers: [peer('bob', tree(retry))], ancestry })).toBeNull();
  });

  it('needs the share as well as the lines', () => {
    const peers = [peer('bob', tree(retry))];
    const own = Array.from({ length: 45 }, (_, i) => `step_${i} = think(${i})`).join('\n');
    expect(ask(`${seed}${retry}\n${own}`, { peers, minShare: 0.2 })).toBeNull();
    expect(ask(`${seed}${retry}\n${own}`, { peers, minShare: 0.1 })).toMatchObject({ lines: 5, share: 0.1 });
    expect(ask(`${seed}${retry}`, { peers, minLines: 6 })).toBeNull();
  });

  it('asks for a copied block where the peer never reached the model', () => {
    const lines = retry.trim().split('\n');
    const scattered = lines.flatMap((line, i) => [line, `mine_${i} = ${i}`]).join('\n');
    const theirs = tree(retry);
    expect(ask(`${seed}${scattered}`, { peers: [peer('bob', theirs, { reached: false })] })).toBeNull();
    expect(ask(`${seed}${scattered}`, { peers: [peer('bob', theirs)] })).toMatchObject({ lines: 5 });
    expect(ask(`${seed}${retry}`, { peers: [peer('bob', theirs, { reached: false })] })).toMatchObject({ lines: 5 });
  });

  it('goes to the peer with more lines, and of equals to the first by id', () => {
    const half = retry.split('\n').slice(0, 3).join('\n');
    const peers = [peer('dave', tree(retry)), peer('carol', tree(retry)), peer('bob', tree(half))];
    expect(ask(`${seed}${retry}`, { peers })?.from.lineage).toBe('carol');
  });

  it('ignores brackets, single words and binary files', () => {
    const theirs = new Map([
      ...tree('}\n{\n);\nelse\npass\n'),
      ['x.bin', { bytes: new Uint8Array([0, 1]), isExecutable: false }],
    ]);
    expect(ask(`${seed}\n}\n{\n);\nelse\npass\n`, { peers: [peer('bob', theirs)], minLines: 1 })).toBeNull();
  });

  it('never comes from a tree equal to the parent or the child to its parent', () => {
    fc.assert(
      fc.property(uniqueFunction, uniqueFunction, fc.boolean(), (a, b, reached) => {
        expect(ask(a, { before: a, peers: [peer('bob', tree(b), { reached })], minLines: 1, minShare: 0 })).toBeNull();
        expect(ask(b, { before: a, peers: [peer('bob', tree(a), { reached })], minLines: 1, minShare: 0 })).toBeNull();
      }),
    );
  });

  it('is always found for a copied function that only the peer had, by model or by copy', () => {
    fc.assert(
      fc.property(uniqueFunction, fc.boolean(), fc.nat(8), (copied, reached, indent) => {
        const shown = copied.split('\n').map((line) => ' '.repeat(indent) + line.trim());
        const found = ask(`${seed}${shown.join('\n')}\n${seed}`, {
          peers: [peer('bob', tree(seed, copied), { reached })],
        });
        expect(found).toMatchObject({ from: { lineage: 'bob' }, lines: copied.split('\n').length, share: 1 });
      }),
    );
  });

  it('does not depend on what the lineages are called', () => {
    fc.assert(
      fc.property(
        uniqueFunction,
        uniqueFunction,
        fc.uniqueArray(lineage, { minLength: 2, maxLength: 2 }),
        (a, b, names) => {
          const both = (x: string, y: string) => ask(`${seed}${a}`, { peers: [peer(x, tree(a)), peer(y, tree(b))] });
          const [first, second] = [both('p', 'q'), both(names[0]!, names[1]!)];
          expect(second?.lines).toBe(first?.lines);
          expect(second?.from.lineage).toBe(first === null ? undefined : names[first.from.lineage === 'p' ? 0 : 1]);
        },
      ),
    );
  });
});
