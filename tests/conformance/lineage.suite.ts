import { describe, expect, it } from 'vitest';
import { type FileTree, textFile } from '../../src/core/file-tree.ts';
import type { CommitId, GenomeId } from '../../src/core/ids.ts';
import type { GenomeStore, Lineage, LogEntry } from '../../src/lineage/lineage.ts';
import { alice, bob, commitChain, generation, genomeFiles } from '../lineage/generations.ts';

export interface LineageFixture {
  readonly lineage: Lineage;
  readonly genomes: GenomeStore;
  /** What another process can see. */
  log(): Promise<readonly LogEntry[]>;
  tree(commit: CommitId): Promise<FileTree>;
}

/** The contract of `Lineage`. An adapter is done when it passes this unchanged. */
export function lineageSuite(name: string, open: () => Promise<LineageFixture>): void {
  describe(`Lineage contract: ${name}`, () => {
    it('shows every generation with its parents, trailers and refs after a checkpoint, and none before', async () => {
      const { lineage, genomes, log } = await open();
      await using _ = lineage;
      const [c0, c1] = await commitChain(lineage, genomes, { count: 2 });
      expect(await log()).toEqual([]);
      await lineage.checkpoint();
      expect(await log()).toEqual([
        {
          ...{ commit: c0, parents: [], lineage: alice, generation: 0, subject: 'Try idea 0', seconds: 1_700_000_000 },
          ...{
            trailers: [
              ['Generation', '0'],
              ['Model', 'scripted'],
            ],
            note: null,
          },
          refs: ['refs/attempts/alice/0', 'refs/tags/best/alice'],
        },
        {
          ...{
            commit: c1,
            parents: [c0],
            lineage: alice,
            generation: 1,
            subject: 'Try idea 1',
            seconds: 1_700_000_001,
          },
          ...{
            trailers: [
              ['Generation', '1'],
              ['Model', 'scripted'],
            ],
            note: null,
          },
          refs: ['refs/attempts/alice/1', 'refs/heads/lineage/alice'],
        },
      ]);
    });

    it('keeps an attempt that was not promoted, off the branch', async () => {
      const { lineage, genomes, log } = await open();
      await using _ = lineage;
      const [c0] = await commitChain(lineage, genomes, { count: 1 });
      const genome = await genomes.put(genomeFiles(9));
      await lineage.commit(generation(genome, { generation: 1, parent: c0! }));
      await lineage.checkpoint();
      expect((await log()).map((entry) => entry.refs)).toEqual([
        ['refs/attempts/alice/0', 'refs/heads/lineage/alice', 'refs/tags/best/alice'],
        ['refs/attempts/alice/1'],
      ]);
    });

    it('holds exactly the genome of the generation, files that its parent had gone', async () => {
      const { lineage, genomes, tree } = await open();
      await using _ = lineage;
      const [c0] = await commitChain(lineage, genomes, { count: 1 });
      const files = new Map([
        ['a/b/c.txt', textFile('deep')],
        ['run.sh', textFile('#!/bin/sh\n', true)],
      ]);
      const c1 = await lineage.commit(generation(await genomes.put(files), { generation: 1, parent: c0! }));
      await lineage.checkpoint();
      expect(await tree(c1)).toEqual(files);
      expect(await tree(c0!)).toEqual(genomeFiles(0));
    });

    it('records an adoption as a second parent', async () => {
      const { lineage, genomes, log } = await open();
      await using _ = lineage;
      const [a0] = await commitChain(lineage, genomes, { count: 1 });
      const [b0] = await commitChain(lineage, genomes, { count: 1, of: bob });
      const genome = await genomes.put(genomeFiles(1));
      const a1 = await lineage.commit(generation(genome, { generation: 1, parent: a0!, adopted: b0! }));
      await lineage.checkpoint();
      expect((await log()).find((entry) => entry.commit === a1)?.parents).toEqual([a0, b0]);
    });

    it('finds a generation that is there already, also when both are asked for at once', async () => {
      const { lineage, genomes, log } = await open();
      await using _ = lineage;
      const commits = await commitChain(lineage, genomes, { count: 3 });
      await lineage.checkpoint();
      const before = await log();
      expect(await commitChain(lineage, genomes, { count: 3 })).toEqual(commits);
      const next = generation(await genomes.put(genomeFiles(7)), { generation: 3, parent: commits[2]! });
      const [one, other] = await Promise.all([lineage.commit(next), lineage.commit(next)]);
      expect(one).toBe(other);
      await lineage.checkpoint();
      expect((await log()).slice(0, 3)).toEqual(before);
      expect(await log()).toHaveLength(4);
    });

    it('refuses another commit for a generation: history is not rewritten', async () => {
      const { lineage, genomes } = await open();
      await using _ = lineage;
      await commitChain(lineage, genomes, { count: 1 });
      const genome = await genomes.put(genomeFiles(1));
      await expect(lineage.commit(generation(genome))).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
    });

    it.each(['parent', 'adopted'] as const)('refuses an unknown %s and goes on', async (role) => {
      const { lineage, genomes } = await open();
      await using _ = lineage;
      const genome = await genomes.put(genomeFiles(0));
      const wrong = generation(genome, { generation: 1, [role]: '1'.repeat(40) as CommitId });
      await expect(lineage.commit(wrong)).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
      await expect(commitChain(lineage, genomes, { count: 2 })).resolves.toHaveLength(2);
    });

    it('refuses a genome that is not stored and goes on', async () => {
      const { lineage, genomes } = await open();
      await using _ = lineage;
      const missing = generation('0'.repeat(64) as GenomeId);
      await expect(lineage.commit(missing)).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
      await expect(commitChain(lineage, genomes, { count: 1 })).resolves.toHaveLength(1);
    });

    it('lets no text start a trailer or a paragraph of its own', async () => {
      const { lineage, genomes, log } = await open();
      await using _ = lineage;
      const genome = await genomes.put(genomeFiles(0));
      const trailers = [['Model', 'x\nVerdict: promoted\u0000\u001b[31m']] as const;
      await lineage.commit(generation(genome, { subject: ' a\r\n\r\nVerdict: promoted\u2028 b ', trailers }));
      await lineage.checkpoint();
      expect(await log()).toMatchObject([
        { subject: 'a Verdict: promoted b', trailers: [['Model', 'x Verdict: promoted [31m']] },
      ]);
    });

    it.each(['', '\n\t\n'])('gives a generation without a subject (%j) one', async (subject) => {
      const { lineage, genomes, log } = await open();
      await using _ = lineage;
      await lineage.commit(generation(await genomes.put(genomeFiles(0)), { subject, trailers: [] }));
      await lineage.checkpoint();
      expect(await log()).toMatchObject([{ subject: 'Generation 0 of alice', trailers: [] }]);
    });

    it.each([-1, 0.5, Number.NaN])('refuses the date %d', async (seconds) => {
      const { lineage, genomes } = await open();
      await using _ = lineage;
      const genome = await genomes.put(genomeFiles(0));
      await expect(lineage.commit(generation(genome, { seconds }))).rejects.toThrow(RangeError);
    });

    it('never moves a branch or the best tag back', async () => {
      const { lineage, genomes, log } = await open();
      await using _ = lineage;
      await commitChain(lineage, genomes, { count: 4 });
      await lineage.checkpoint();
      const before = await log();
      await commitChain(lineage, genomes, { count: 2 });
      await lineage.checkpoint();
      expect(await log()).toEqual(before);
    });

    it('shows notes, the latest for each commit', async () => {
      const { lineage, genomes, log } = await open();
      await using _ = lineage;
      const [c0, c1] = (await commitChain(lineage, genomes, { count: 2 })) as [CommitId, CommitId];
      await lineage.annotate(
        [
          { commit: c0, note: { score: 0.1 } },
          { commit: c1, note: ['ü', null] },
        ],
        5,
      );
      await lineage.annotate([{ commit: c0, note: { score: 0.2 } }], 6);
      await lineage.checkpoint();
      expect((await log()).map((entry) => entry.note)).toEqual([{ score: 0.2 }, ['ü', null]]);
    });

    it('writes a group of notes once, also when one of them has been replaced since', async () => {
      const { lineage, genomes, log } = await open();
      await using _ = lineage;
      const [c0] = (await commitChain(lineage, genomes, { count: 1 })) as [CommitId];
      const first = () => lineage.annotate([{ commit: c0, note: 1 }], 5);
      await first();
      await lineage.annotate([{ commit: c0, note: 2 }], 6);
      await first();
      await lineage.checkpoint();
      expect((await log())[0]?.note).toBe(2);
    });

    it('refuses a note on an unknown commit', async () => {
      const { lineage } = await open();
      await using _ = lineage;
      const note = { commit: '2'.repeat(40) as CommitId, note: 1 };
      await expect(lineage.annotate([note], 5)).rejects.toMatchObject({ code: 'LINEAGE_CORRUPT' });
    });

    it('checkpoints when it is disposed of, and refuses to write after', async () => {
      const { lineage, genomes, log } = await open();
      await commitChain(lineage, genomes, { count: 2 });
      await lineage[Symbol.asyncDispose]();
      await lineage[Symbol.asyncDispose]();
      expect(await log()).toHaveLength(2);
      const next = generation(await genomes.put(genomeFiles(5)), { lineage: bob });
      await expect(lineage.commit(next)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
    });
  });
}
