import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { chatRequestSchema } from '../../src/core/chat.ts';
import { createMutator } from '../../src/models/mutator/mutator.ts';
import { repository, runCli, scratchDir } from '../support/example-run.ts';
import { itNeeds } from '../support/require-service.ts';

const bubblewrap = await createBubblewrapProvider().probe();

interface RemoteModel {
  readonly url: string;
  readonly authorizations: Set<string | undefined>;
  calls: number;
  embedded: string[];
}

/** A server that speaks chat completions, with the mutator behind it, and embeds: the first call is told to come back later. */
async function startRemoteModel(): Promise<RemoteModel> {
  const mutator = createMutator({ name: 'remote', mix: 'numeric' });
  const remote: RemoteModel & { url: string } = { url: '', authorizations: new Set(), calls: 0, embedded: [] };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    remote.authorizations.add(request.headers.authorization);
    remote.calls += 1;
    if (remote.calls === 1) return void response.writeHead(429, { 'retry-after': '0' }).end('{}');
    if (request.url === '/v1/embeddings') {
      const { input } = JSON.parse(text) as { input: string[] };
      remote.embedded.push(...input);
      const data = input.map((one, index) => ({ index, embedding: [one.length] }));
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
    }
    const { completion } = await mutator.complete(
      chatRequestSchema.parse(JSON.parse(text)),
      new AbortController().signal,
    );
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completion));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  remote.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return remote;
}

const packingSeed = join(repository, 'experiments', 'packing', 'seed');

function experimentIn(dir: string, url: string, mode: 'record' | 'replay', seed = packingSeed): string {
  const file = join(dir, `${mode}.yaml`);
  writeFileSync(
    file,
    `name: remote
niche: { module: circle-packing }
seed: ${seed}
lineages: { a: { model: tape }, b: { model: tape } }
models:
  server: { kind: openai, model: m, baseUrl: "${url}", apiKey: "\${REMOTE_KEY}", price: { promptUsdPerMTok: 1, completionUsdPerMTok: 2 }, embeddings: { model: e, usdPerMTok: 1 } }
  tape: { kind: cassette, file: tape.jsonl, mode: ${mode}${mode === 'record' ? ', of: server' : ''} }
arms: [paired]
seeds: [3]
budget: { generations: 2, usd: 5 }
task: { maxCalls: 0 }
sandbox: { provider: bubblewrap }
`,
  );
  return file;
}

describe('a model behind a server', () => {
  itNeeds('bubblewrap', bubblewrap.usable ? null : bubblewrap.why)(
    'edits genomes through the gateway, keeps its key outside, is metered, and replays from its cassette to the same commits',
    async () => {
      const dir = scratchDir();
      const remote = await startRemoteModel();
      const key = 'sk-very-secret-0123456789';
      const live = await runCli(
        ['run', experimentIn(dir, remote.url, 'record'), '--out', join(dir, 'live'), '--json'],
        { REMOTE_KEY: key },
      );
      expect(live.code, live.stderr).toBe(0);
      const outcome = JSON.parse(live.stdout);
      expect(remote.calls).toBeGreaterThan(4);
      expect([...remote.authorizations]).toEqual([`Bearer ${key}`]);
      expect(outcome.spent.tokens).toBeGreaterThan(1_000);
      expect(outcome.spent.usd).toBeGreaterThan(0);

      const calls = remote.calls;
      const replay = await runCli([
        'run',
        experimentIn(dir, remote.url, 'replay'),
        '--out',
        join(dir, 'again'),
        '--json',
      ]);
      expect(replay.code, replay.stderr).toBe(0);
      expect(remote.calls).toBe(calls);
      const refs = (out: string) =>
        execFileSync('git', ['-C', join(dir, out, 'remote-paired-3', 'lineage'), 'for-each-ref'], { encoding: 'utf8' });
      expect(refs('again')).toBe(refs('live'));

      const leaks = spawnSync('grep', ['-rlF', key, dir], { encoding: 'utf8' });
      expect(leaks).toMatchObject({ status: 1, stdout: '' });
    },
    60_000,
  );

  itNeeds('bubblewrap', bubblewrap.usable ? null : bubblewrap.why)(
    'is reached over HTTP by a genome that asks for it, embeddings included, and every call is on record',
    async () => {
      const dir = scratchDir();
      const brief = ['--set', 'budget.generations=1'];
      const remote = await startRemoteModel();
      const seed = join(dir, 'seed');
      cpSync(packingSeed, seed, { recursive: true });
      const manifest = JSON.parse(readFileSync(join(seed, 'genome.json'), 'utf8'));
      writeFileSync(join(seed, 'genome.json'), JSON.stringify({ ...manifest, gateway: 'http' }));
      writeFileSync(
        join(seed, 'gateway.mjs'),
        `const post = async (path, body) => {
          const answer = await fetch(process.env.OPENAI_BASE_URL + path, { method: 'POST', body: JSON.stringify(body) });
          return answer.json();
        };
        export async function askModel(messages, tools) {
          const { data } = await post('/embeddings', { input: messages.at(-1).content });
          if (!(data[0].embedding[0] > 0)) throw new Error('no embedding');
          return (await post('/chat/completions', { messages, tools })).choices[0].message;
        }`,
      );
      const live = await runCli(
        ['run', experimentIn(dir, remote.url, 'record', seed), '--out', join(dir, 'live'), '--json', ...brief],
        { REMOTE_KEY: 'any' },
      );
      expect(live.code, live.stderr).toBe(0);
      expect(JSON.parse(live.stdout).runs[0].lineages.a).toMatchObject({ generations: 1, failed: 0 });
      expect(remote.embedded.length).toBeGreaterThan(4);

      const calls = join(dir, 'live', 'remote-paired-3', 'calls', 'a', 'g00001.jsonl');
      const lines = readFileSync(calls, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(lines.map((l) => l.index)).toEqual(lines.map((_, index) => index));
      const embedded = lines.filter((l) => l.input !== undefined);
      expect(embedded.length).toBe(lines.length / 2);
      for (const { charged } of embedded)
        expect(charged).toMatchObject({ completionTokens: 0, usd: expect.any(Number) });

      const before = remote.calls;
      const again = ['run', experimentIn(dir, remote.url, 'replay', seed), '--out', join(dir, 'again')];
      const replay = await runCli([...again, ...brief]);
      expect(replay.code, replay.stderr).toBe(0);
      expect(remote.calls).toBe(before);
    },
    60_000,
  );
});
