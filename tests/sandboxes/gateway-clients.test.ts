import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished } from 'vitest';
import { behindForwarder } from '../../sandboxes/gateway/http-forwarder.ts';
import type { ReadOnlyMount } from '../../sandboxes/sandbox.ts';
import { sleep } from '../../src/core/abort.ts';
import type { ChatRequest } from '../../src/core/chat.ts';
import { ModelUnavailableError } from '../../src/core/errors.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { run, sandboxSpec, tempDirectory } from '../conformance/sandbox.suite.ts';
import { eventually, startGateway } from '../support/gateway.ts';
import { itNeeds } from '../support/require-service.ts';
import { sandboxProviders } from '../support/sandbox-providers.ts';
import { createScriptedModel } from '../support/scripted-model.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** A directory with `openai` and all it needs, for the Python that sandboxes see; see `.ci/run`. */
const pythonPackages = process.env.GALAPAGOS_PYTHON_CLIENT ?? '';

function pythonMissing(): string | null {
  const how =
    'set GALAPAGOS_PYTHON_CLIENT to a directory made with `/usr/bin/python3 -m pip install --target <it> openai`';
  if (pythonPackages === '') return how;
  try {
    const env = { PYTHONPATH: pythonPackages };
    execFileSync('/usr/bin/python3', ['-c', 'import openai'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    return null;
  } catch (error) {
    return `${(error as Error).message}; ${how}`;
  }
}

interface Language {
  readonly name: string;
  readonly program: string;
  readonly command: readonly string[];
  readonly missing: string | null;
  readonly mount: () => ReadOnlyMount;
  readonly errors: { readonly unavailable: string; readonly exhausted: string };
}

const languages: readonly Language[] = [
  {
    name: 'JavaScript',
    program: 'client.mjs',
    command: ['node', 'client.mjs'],
    missing: null,
    mount: () => {
      const source = tempDirectory();
      const isProgram = (path: string) => statSync(path).isDirectory() || /\.(m?js|json)$/.test(path);
      cpSync(join(root, 'node_modules/openai'), join(source, 'openai'), { recursive: true, filter: isProgram });
      return { source, target: 'node_modules' };
    },
    errors: { unavailable: 'InternalServerError', exhausted: 'APIError' },
  },
  {
    name: 'Python',
    program: 'client.py',
    command: ['python3', 'client.py'],
    missing: pythonMissing(),
    mount: () => ({ source: pythonPackages, target: 'python' }),
    errors: { unavailable: 'InternalServerError', exhausted: 'APIStatusError' },
  },
];

/** Longer than one event, and of characters that take two UTF-16 units each. */
const story = `${'𝄞'.repeat(20_000)} the end.`;

function say(request: ChatRequest) {
  const last = request.messages.at(-1)!;
  if (last.role === 'tool') return `the tool said ${last.content}`;
  if (request.tools !== undefined) return { toolCalls: [{ name: 'read', arguments: '{"path":"a.txt"}' }] };
  if (last.content === 'down') throw new ModelUnavailableError('gone');
  return story;
}

/** A model that embeds, answers, calls tools, is down, or takes a minute, as it is asked to. */
function versatileModel() {
  const model = createScriptedModel(say, { embeds: (input) => [input.length, 0.25] });
  return {
    ...model,
    async complete(request: ChatRequest, signal: AbortSignal) {
      if (request.messages.at(-1)!.content === 'slow') await sleep(60_000, signal);
      return model.complete(request, signal);
    },
  };
}

describe.each(sandboxProviders)('the official clients, in a sandbox: %s', (name, create, missing) => {
  describe.each(languages)('$name', (language) => {
    const test = itNeeds(`${language.name} openai client in ${name}`, missing ?? language.missing);

    test('speaks with tools, streams, embeds, hangs up and takes no for an answer, over HTTP and over the socket', async () => {
      const provider = create();
      onTestFinished(() => provider[Symbol.asyncDispose]());
      const program = readFileSync(join(root, 'tests/fixtures/clients', language.program), 'utf8');
      const spec = sandboxSpec({
        files: new Map([[language.program, textFile(program)]]),
        limits: { memoryMiB: 512, cpus: 2, pids: 64, diskMiB: 16 },
        mounts: [language.mount()],
      });
      await using sandbox = await provider.open(spec, new AbortController().signal);
      for (const command of [behindForwarder(language.command), language.command]) {
        // The slow call is the eighth and the last that is allowed.
        const { gateway, records } = await startGateway(versatileModel(), { limits: { maxCalls: 8 } });
        await sandbox.connect(gateway.socketPath);
        const { stdout, stderr } = await run(sandbox, command, { timeoutMs: 15_000 });
        expect(stderr).toBe('');
        expect(JSON.parse(stdout)).toEqual({
          models: ['base'],
          tool: ['read', { path: 'a.txt' }, 'the tool said forty-two'],
          stream: [20_009, '𝄞 the end.', 15],
          embeddings: [
            [1, 0.25],
            [3, 0.25],
          ],
          asFloats: [[1, 0.25]],
          tokens: [[3, 0.25]],
          unavailable: [language.errors.unavailable, 503, 'model_unavailable'],
          hungUp: true,
          exhausted: [language.errors.exhausted, 402, 'budget_exhausted'],
        });
        await eventually(() => expect(records).toHaveLength(8));
        // One try each: neither client repeats what the gateway says is final.
        expect(records.map((r) => r.error?.code ?? 'answered')).toEqual([
          ...Array.from({ length: 6 }, () => 'answered'),
          'MODEL_UNAVAILABLE',
          'CANCELLED',
        ]);
        expect(gateway.refusals()).toMatchObject({ calls: 1, malformed: 0 });
      }
    });
  });
});
