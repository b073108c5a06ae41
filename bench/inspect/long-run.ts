import { resolve } from 'node:path';
import { commitOf } from '../../actors/archivist/create-archivist.ts';
import { noteOf } from '../../actors/archivist/note.ts';
import { summaryOf } from '../../actors/lineage/summary.ts';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';
import { type FileTree, textFile, totalBytes } from '../../src/core/file-tree.ts';
import { type CommitId, type LineageId, parseLineageId, parseRunId } from '../../src/core/ids.ts';
import { randomStream } from '../../src/core/random.ts';
import type { Evaluation, Generation, StrategyRef } from '../../src/core/records.ts';
import { createFileGenomeStore } from '../../src/lineage/genome-store.ts';
import { openGitLineage } from '../../src/lineage/git-lineage.ts';
import { openJournal } from '../../src/runtime/journal.ts';
import { createRunDirectory, runPaths } from '../../src/runtime/run-directory.ts';
import { readSeedGenome } from '../../src/runtime/seed-genome.ts';

const example = resolve(import.meta.dirname, '..', '..', 'examples', 'hill');
const usage = { calls: 3, toolCalls: 2, promptTokens: 4_000, completionTokens: 600, costUsd: 0.01 };
const noUsage = { calls: 0, toolCalls: 0, promptTokens: 0, completionTokens: 0, costUsd: 0 };
const secondsOf = (round: number) => 946_771_200 + round * 60;

/**
 * Writes a run as if it had been lived: journal, repository and genomes, by
 * the code that writes them in a run, without the model and the sandboxes that
 * make a run long. Every round is closed; the run has not ended, so it can be
 * resumed. A third of the generations are promoted, and now and then one takes
 * half of a peer's lines.
 * @param dir - A directory that is not there yet.
 * @param generations - Of each lineage, generation 0 included.
 */
export async function writeLongRun(dir: string, generations: number, lineages = ['a', 'b', 'c', 'd']): Promise<void> {
  const ids = lineages.map(parseLineageId);
  const config = parseExperiment({
    name: 'long',
    niche: { module: './niche.ts', params: { top: 7.25 } },
    lineages: Object.fromEntries(ids.map((id) => [id, { model: 'scripted' }])),
    models: { scripted: { kind: 'module', module: 'unused' } },
    arms: ['paired'],
    seeds: [1],
    budget: { generations: generations - 1 },
    task: { maxCalls: 0 },
  });
  const seedFiles = readSeedGenome(resolve(example, 'seed'), config.genome);
  const seedTree: FileTree = new Map([...seedFiles, ['method.mjs', linesFile(initialLines)]]);
  const run = parseRunId('long-paired-1');
  await createRunDirectory(
    dir,
    {
      ...{ version: 'bench', run, arm: 'paired', seed: 1, config, experimentDir: example },
      ...{ sandbox: 'memory', group: 'long' },
    },
    new Map(ids.map((id) => [id, seedTree])),
  );
  const paths = runPaths(dir);
  const genomes = createFileGenomeStore(paths.genomes);
  await using lineage = await openGitLineage({ dir: paths.lineage, genomes });
  await using journal = await openJournal(paths.journal);
  const random = randomStream(1, 'long-run');
  const members = new Map(ids.map((id) => [id, newMember()]));
  await journal.append('session.opened', '0', { pid: 0 });

  /** One generation: the facts that it leaves in a journal, and its commit. */
  async function live(id: LineageId, round: number, snapshot: readonly Published[]): Promise<Generation> {
    const member = members.get(id)!;
    const isSeed = round === 0;
    const lines = [...member.lines];
    const peers = snapshot.filter((s) => s.ref.lineage !== id);
    const source = !isSeed && peers.length > 0 && random.next() < 0.04 ? random.pick(peers) : null;
    if (source !== null) lines.splice(0, lines.length / 2, ...source.lines.slice(0, lines.length / 2));
    if (!isSeed) lines[(round * 7) % lines.length] = `export const method_${round} = (x) => x * ${round} + ${id};`;
    const tree: FileTree = new Map([...seedFiles, ['method.mjs', linesFile(lines)]]);
    const genome = await genomes.put(tree);
    const isPromoted = !isSeed && random.next() < 0.33;
    const score = isSeed ? 0 : member.score + (isPromoted ? random.next() : -random.next());
    const key = `${id}/${round}`;
    if (!isSeed) {
      const edit = { changedFiles: ['method.mjs'], bytes: totalBytes(tree), files: tree.size, reads: [], usage };
      await journal.append('meta-agent.finished', key, { ...edit, wallMs: 9_000.5, status: 'edited', genome });
    }
    const [train, selection] = [measured('train', score), measured('selection', score)];
    for (const evaluation of [train, selection]) {
      const at = `${key}/${evaluation.split}`;
      const situations = evaluation.items.map(({ situation }) => ({
        id: situation,
        split: evaluation.split,
        input: 1,
      }));
      await journal.append('proposer.finished', at, { situations });
      for (const { situation } of evaluation.items) {
        const answer = { stoppedBy: 'exit', exitCode: 0, output: { x: score }, problem: null, stderrTail: '' };
        await journal.append('solver.finished', `${at}/${situation}`, { ...answer, wallMs: 90.123, usage: noUsage });
      }
      await journal.append('environment.finished', at, { evaluation, usage: noUsage });
    }
    const verdict = isSeed ? 'seed' : isPromoted ? 'promoted' : 'archived';
    const checks = (['validity', 'measured', 'improvement'] as const).map((name) => ({
      name,
      outcome: name === 'improvement' && !isPromoted ? ('refuse' as const) : ('pass' as const),
      reason: name === 'improvement' ? `${(score - member.score).toFixed(2)} against generation ${member.tip}` : 'n 2',
    }));
    await journal.append('gate.finished', key, { verdict, checks });
    const known: Omit<Generation, 'commit' | 'published'> = {
      ...{ lineage: id, generation: round, round, parent: isSeed ? null : member.tip, metaFrom: member.tip },
      ...{ genome, verdict, checks, failure: null, train, selection, reads: [], usage },
      ...{ bytes: totalBytes(tree), files: tree.size, changedFiles: isSeed ? [] : ['method.mjs'] },
      adoption: source && { from: source.ref, lines: lines.length / 2, share: 0.9 },
    };
    const { commit } = await record(known, isSeed || isPromoted, member.commit);
    if (isSeed || isPromoted) Object.assign(member, { tip: round, commit, score, lines });
    if (isPromoted) {
      member.published = { ref: { lineage: id, generation: round, commit, genome, score }, lines };
    }
    const generation = { ...known, commit, published: isPromoted };
    await journal.append('lineage.finished', key, { generation, stop: null });
    return generation;
  }

  async function record(g: Omit<Generation, 'commit' | 'published'>, isBest: boolean, parent: CommitId | null) {
    const request = { kind: 'record' as const, run, seed: 1, model: 'scripted', summary: summaryOf(g), isBest };
    const { lineage: id, generation, round, genome, metaFrom, verdict, adoption, reads } = g;
    const told = { lineage: id, generation, round, genome, metaFrom, verdict, adoption, reads };
    return { commit: await lineage.commit(commitOf({ ...request, ...told, parentCommit: parent }, secondsOf(round))) };
  }

  for (let round = 0; round < generations; round += 1) {
    const snapshot = [...members.values()].flatMap((m) => m.published ?? []);
    await journal.append('round.opened', String(round), { round, snapshot: snapshot.map((s) => s.ref) });
    const done: Generation[] = [];
    for (const id of ids) done.push(await live(id, round, snapshot));
    await lineage.annotate(
      done.map((g) => ({ commit: g.commit, note: noteOf(g) })),
      secondsOf(round),
    );
    await journal.append('round.closed', String(round), { round });
    // A run checkpoints once a second; a second holds some dozens of generations.
    if (round % 25 === 24 || round === generations - 1) {
      await lineage.checkpoint();
      await journal.append('lineage.checkpointed', String(round), { round });
    }
  }
}

interface Published {
  readonly ref: StrategyRef;
  readonly lines: readonly string[];
}

const initialLines = Array.from({ length: 60 }, (_, i) => `export const initial_${i} = (x) => x + ${i};`);

const linesFile = (lines: readonly string[]) => textFile(`${lines.join('\n')}\n`);

function newMember() {
  return {
    tip: null as number | null,
    commit: null as CommitId | null,
    score: 0,
    lines: initialLines as readonly string[],
    published: null as Published | null,
  };
}

function measured(split: 'train' | 'selection', score: number): Evaluation {
  const items = [0, 1].map((i) => ({
    situation: `${split}-${i}`,
    consequence: { status: 'measured' as const, score, details: { x: score } },
    wallMs: 91.25,
  }));
  return { status: 'measured', split, score, n: items.length, items };
}
