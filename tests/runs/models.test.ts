import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
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
}

/** A server that speaks chat completions, with the mutator behind it: the first call is told to come back later. */
async function startRemoteModel(): Promise<RemoteModel> {
  const mutator = createMutator({ name: 'remote', mix: 'numeric' });
  const remote = { url: '', authorizations: new Set<string | undefined>(), calls: 0 };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    remote.authorizations.add(request.headers.authorization);
    remote.calls += 1;
    if (remote.calls === 1) return void response.writeHead(429, { 'retry-after': '0' }).end('{}');
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

function experimentIn(dir: string, url: string, mode: 'record' | 'replay'): string {
  const file = join(dir, `${mode}.yaml`);
  writeFileSync(
    file,
    `name: remote
niche: { module: circle-packing }
seed: ${join(repository, 'experiments', 'packing', 'seed')}
lineages: { a: { model: tape }, b: { model: tape } }
models:
  server: { kind: openai, model: m, baseUrl: "${url}", apiKey: "\${REMOTE_KEY}", price: { promptUsdPerMTok: 1, completionUsdPerMTok: 2 } }
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
});
