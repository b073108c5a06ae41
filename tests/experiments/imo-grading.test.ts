import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { type Generation, type LogEntry, type RunRecord, readLog, readRun, run } from '../../src/index.ts';
import { parseCsv } from '../../src/niches/grading/csv.ts';
import { type ChatServer, startChatServer } from '../support/chat-server.ts';
import { factsOf, repository, runCli, scratchDir } from '../support/example-run.ts';
import { itNeeds } from '../support/require-service.ts';

/** A run may take longer than one test may. */
vi.setConfig({ hookTimeout: 300_000 });

const folder = join(repository, 'experiments', 'imo-grading');

/** What the sample's scripts say, as the server behind `baseUrl` says it. */
const { reply }: { reply: (character: string, request: object) => { readonly content?: string } } = await import(
  join(folder, 'sample', 'scripted.mjs')
);

const key = 'sk-graders-only-0123456789';

/** The sample's table, where each row has another word for the same grade: labels that nobody could guess. */
function tableWithCanaries(): {
  readonly text: string;
  readonly words: Record<string, number>;
  readonly labels: readonly string[];
} {
  const [header, ...rows] = parseCsv(readFileSync(join(folder, 'sample', 'table.csv'), 'utf8')).map((r) => r.fields);
  const labels = rows.map(() => `label-${randomUUID()}`);
  const words = Object.fromEntries(rows.map((row, i) => [labels[i]!, Number(row.at(-2))]));
  const lines = [header!, ...rows.map((row, i) => [...row.slice(0, -1), labels[i]!])];
  const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;
  return { text: lines.map((line) => line.map(quoted).join(',')).join('\r\n'), words, labels };
}

const seeds = [
  { language: 'JavaScript', seed: 'seed', review: 'node review.mjs', missing: null },
  {
    language: 'Python',
    seed: 'seed-python',
    review: 'python3 review.py',
    missing: spawnSync('python3', ['--version']).status === 0 ? null : 'it is not installed',
  },
] as const;

describe.each(seeds)(
  'two lineages that grade in $language, each with a model behind an OpenAI-compatible server',
  ({ seed, review, missing, language }) => {
    const it = itNeeds(language, missing);
    let dir: string;
    let server: ChatServer;
    let record: RunRecord;
    let log: readonly LogEntry[];
    let labels: readonly string[];

    beforeAll(async () => {
      if (missing !== null) return;
      dir = mkdtempSync(join(tmpdir(), 'gal-test-'));
      server = await startChatServer((request) => reply(request.model, request));
      const { usable } = await createBubblewrapProvider().probe();
      const { text, words, labels: all } = tableWithCanaries();
      labels = all;
      writeFileSync(join(dir, 'table.csv'), text);
      const file = join(dir, 'experiment.yaml');
      const model = (name: string) =>
        `${name}: { kind: openai, model: scripted-${name}, baseUrl: "${server.url}", apiKey: "\${GRADERS_KEY}", price: { promptUsdPerMTok: 1, completionUsdPerMTok: 2 } }`;
      writeFileSync(
        file,
        `name: graded
niche: { module: grading, params: { table: table.csv, words: ${JSON.stringify(words)} } }
seed: ${join(folder, seed)}
lineages: { a: { model: one }, b: { model: two } }
models:
  ${model('one')}
  ${model('two')}
arms: [paired]
seeds: [1]
budget: { generations: 2, usd: 5 }
items: { train: 4, selection: 8, test: 4 }
task: { wallMs: 120000, maxCalls: 2, maxCompletionTokens: 321 }
metaAgent: { wallMs: 240000 }
sandbox: { provider: ${usable ? 'bubblewrap' : 'process'}, allowUnsafe: true }
`,
      );
      const outcome = await run(file, {
        out: join(dir, 'out'),
        logLevel: 'silent',
        secret: (name) => (name === 'GRADERS_KEY' ? key : undefined),
      });
      record = await readRun(outcome.runs[0]!.dir);
      log = await readLog(record);
    });
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
      if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
    });

    const at = (lineage: string, generation: number): Generation =>
      record.lineages.find(({ id }) => id === lineage)!.generations.find((g) => g.generation === generation)!;
    const trailersOf = (lineage: string, generation: number, name: string) =>
      log
        .find((entry) => entry.lineage === lineage && entry.generation === generation)!
        .trailers.filter(([given]) => given === name)
        .map(([, value]) => value);
    const sent = () => server.requests.map(({ body }) => JSON.stringify(body));
    /** Labels of the items of a split, by the ids that the run handed out. */
    const labelsOf = (...splits: readonly string[]) => {
      const evaluations = record.lineages.flatMap(({ generations, test }) => [
        ...generations.flatMap(({ train, selection }) => [train, selection]),
        test,
      ]);
      const ids = new Set(evaluations.flatMap((e) => e?.items.map(({ situation }) => situation) ?? []));
      return [...ids]
        .filter((id) => splits.includes(id.split('-')[0]!))
        .map((id) => labels[Number(id.split('-')[1]) - 1]!);
    };

    it('run to the end, and every generation is measured', () => {
      expect(record.status).toBe('done');
      for (const { generations, test } of record.lineages) {
        expect(generations.map(({ failure, selection }) => [failure, selection?.status])).toEqual(
          Array.from({ length: 3 }, () => [null, 'measured']),
        );
        expect(test?.status).toBe('measured');
      }
    });

    it('get better by what their models change in the rubric', () => {
      const scores = [0, 1, 2].map((generation) => at('a', generation).selection!);
      expect(scores.map((e) => (e.status === 'measured' ? e.score : null))).toEqual([0.25, 0.5, expect.any(Number)]);
      expect(at('a', 1)).toMatchObject({ verdict: 'promoted', changedFiles: ['rubric.md'], published: true });
    });

    it('read and take over what a peer published: a merge commit, with the lines counted', () => {
      const [adopted, from] = [at('b', 2), at('a', 1)];
      expect(adopted.reads.map(({ peer, generation, path }) => [peer, generation, path])).toEqual([
        ['a', 1, 'rubric.md'],
      ]);
      expect(adopted.reads[0]!.shareInModel).toBeGreaterThan(0.9);
      expect(adopted.adoption).toMatchObject({
        from: { lineage: 'a', generation: 1, commit: from.commit },
        lines: 3,
        share: 1,
      });
      expect(trailersOf('b', 2, 'Read')).toEqual([`a@${from.commit}`]);
      expect(trailersOf('b', 2, 'Adopted-From')).toEqual(['a/1']);
      const commit = log.find((entry) => entry.lineage === 'b' && entry.generation === 2)!;
      expect(commit.parents).toEqual([at('b', 1).commit, from.commit]);
    });

    it('had nothing to read in the first round', () => {
      for (const lineage of ['a', 'b']) {
        expect([at(lineage, 1).reads, at(lineage, 1).adoption, trailersOf(lineage, 1, 'Read')]).toEqual([[], null, []]);
      }
    });

    it('use the tools that their meta-agent offers, through function calls', () => {
      const calls = server.requests.flatMap(({ body }) =>
        body.messages.flatMap((m) => ('tool_calls' in m ? (m.tool_calls ?? []).map((call) => call.function) : [])),
      );
      expect([...new Set(calls.map(({ name }) => name))].sort()).toEqual(['bash', 'insert', 'view']);
      expect(calls.map((call) => call.arguments)).toEqual(
        expect.arrayContaining([
          expect.stringContaining('strategies/a_gen1/rubric.md'),
          expect.stringContaining(review),
        ]),
      );
      // A mistake was graded again from inside the edit, by the program that was being edited, with a call of its own.
      const results = server.requests.flatMap(({ body }) => body.messages.filter((m) => m.role === 'tool'));
      expect(results.some(({ content }) => /^\{"points":[0167]\}\n\n\[exit code 0\]$/.test(content))).toBe(true);
    });

    it('send no label of a selection or test item to any model, and those of train', () => {
      expect(labelsOf('train')).toHaveLength(4);
      expect(labelsOf('selection', 'test')).toHaveLength(12);
      const all = sent().join('\n');
      expect(labelsOf('train').filter((label) => !all.includes(label))).toEqual([]);
      expect(labels.filter((label) => !labelsOf('train').includes(label) && all.includes(label))).toEqual([]);
      // They are on record all the same, for whoever may read the journal.
      const journal = readFileSync(join(record.dir, 'journal.jsonl'), 'utf8');
      expect(labelsOf('selection', 'test').filter((label) => !journal.includes(label))).toEqual([]);
    });

    it('have both measures of every item, whichever is the score', () => {
      const items = record.lineages.flatMap(({ test }) => test!.items);
      for (const { consequence } of items) {
        expect(consequence).toMatchObject({
          status: 'measured',
          details: { measures: { accuracy: expect.toBeOneOf([0, 1]), absoluteError: expect.any(Number) } },
        });
      }
    });

    it('are reported with both', async () => {
      const report = readFileSync(join(dir, 'out', 'graded', 'report', 'report.md'), 'utf8');
      expect(report.match(/accuracy \d\.\d{3}, absoluteError \d\.\d{3}/g)).toHaveLength(2);
      const { stdout } = await runCli(['show', `${record.run}/a/1`, '--out', join(dir, 'out')]);
      expect(stdout).toMatch(/selection +0\.500* \(mean of 8 items, accuracy 0\.500, absoluteError 0\.\d{3}\)/);
    });

    it('keep the key outside, and are metered', () => {
      expect([...new Set(server.requests.map(({ authorization }) => authorization))]).toEqual([`Bearer ${key}`]);
      expect(sent().some((text) => text.includes(key))).toBe(false);
      for (const g of [at('a', 1), at('b', 2)]) expect(g.usage.costUsd).toBeGreaterThan(0);
    });

    it('give task agents their own limit of an answer', () => {
      const ceilings = (edits: boolean) => {
        const those = server.requests.filter(({ body }) => (body.tools !== undefined) === edits);
        return [...new Set(those.map(({ body }) => body.max_tokens))];
      };
      expect([ceilings(true), ceilings(false).includes(321)]).toEqual([[4_096], true]);
    });

    it('ask again when an answer held no grade', () => {
      const asked = server.requests.filter(({ body }) =>
        body.messages.at(-1)!.content?.includes('Answer with one line'),
      );
      expect(asked.length).toBeGreaterThan(0);
      const solved = factsOf(record.dir).filter(({ type }) => type === 'solver.finished');
      const points = solved.map(({ body }) => (body as { output: { points: unknown } }).output.points);
      expect(new Set(points).has(null)).toBe(false);
    });
  },
);

describe('the experiment before anybody has brought the table', () => {
  it.each(['imo-grading', 'imo-grading/replication.yaml'])(
    '%s names the file, and says how to get it',
    async (name) => {
      const end = await runCli(['run', name, '--out', scratchDir()]);
      expect([end.code, end.stdout]).toEqual([3, '']);
      expect(end.stderr).toMatch(/^error: the table .+imo-grading\/data\/gradingbench\.csv does not exist\n/);
      expect(end.stderr).toMatch(/\nnext: get imobench\/gradingbench\.csv of https:\S+ .*save it there as it is/);
      expect(end.stderr).toMatch(/galapagos run imo-grading\/sample/);
    },
  );
});
