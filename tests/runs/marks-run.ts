import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createMemoryBus } from '../../src/bus/memory-bus.ts';
import type { ArmName } from '../../src/core/config/arms.ts';
import type { ExperimentInput } from '../../src/core/config/experiment-schema.ts';
import { parseExperiment } from '../../src/core/config/parse-experiment.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { parseRunId } from '../../src/core/ids.ts';
import type { Fact } from '../../src/core/journal.ts';
import type { Json } from '../../src/core/json.ts';
import { createLogger } from '../../src/core/log.ts';
import { executeRun, type RunHost } from '../../src/runtime/execute-run.ts';
import { createRunDirectory } from '../../src/runtime/run-directory.ts';
import { readSeedGenome } from '../../src/runtime/seed-genome.ts';
import { factsOf, hill } from '../support/example-run.ts';
import { createMemoryProvider } from '../support/memory-sandbox.ts';
import { passingCheck } from '../support/passing-check.ts';
import { createScriptedModel, type ScriptedModel } from '../support/scripted-model.ts';

/** What one generation's meta-agent does. */
export interface Deed {
  /** Where it goes to stand; the score is higher the nearer that is to 7.25. Default: its generation. */
  readonly x?: number;
  /** Lines of its outbox; what is no text becomes JSON. */
  readonly marks?: readonly (Json | string)[];
  /** Models it asks, one after another. Default: its own, once. */
  readonly calls?: readonly unknown[];
}

export interface Seen {
  readonly lineage: string;
  readonly generation: number;
  /** Files under `marks/`, parsed; `null` where there is no such directory. */
  readonly marks: (path: string) => Json | null;
}

export interface MarksRun {
  readonly markspace?: ExperimentInput['markspace'];
  readonly lineages?: readonly string[];
  readonly rounds: number;
  readonly arm?: ArmName;
  readonly more?: Partial<ExperimentInput>;
  readonly act: (seen: Seen) => Deed;
}

export interface OpenedRun {
  readonly dir: string;
  readonly run: string;
  /** What the models were asked, by lineage. */
  readonly models: ReadonlyMap<string, ScriptedModel>;
  /** What came back to each call, by lineage and generation. */
  readonly answers: Map<string, { readonly status: number; readonly body: Record<string, never> }[]>;
  /** Drives the run, or resumes it. */
  execute(host?: Partial<RunHost>): ReturnType<typeof executeRun>;
  facts(type?: string): Fact[];
  /** The same run in a copy of its directory. */
  at(dir: string): OpenedRun;
}

const never = new AbortController().signal;

/** A whole run of real actors, guard, gateway, journal and repository; sandboxes and models are scripted. */
export async function openMarksRun(out: string, options: MarksRun): Promise<OpenedRun> {
  const { lineages = ['a', 'b'], rounds, arm = 'paired', markspace, more = {}, act } = options;
  const config = parseExperiment({
    name: 'marks',
    niche: { module: './niche.ts', params: { top: 7.25 } },
    lineages: Object.fromEntries(lineages.map((id) => [id, { model: `model-${id}` }])),
    models: Object.fromEntries(lineages.map((id) => [`model-${id}`, { kind: 'module', module: 'unused' }])),
    arms: [arm],
    seeds: [1],
    budget: { generations: rounds },
    task: { maxCalls: 0 },
    sandbox: { warm: 0 },
    ...(markspace === undefined ? {} : { markspace }),
    ...more,
  });
  const run = parseRunId(`marks-${arm}-1`);
  const dir = join(out, run);
  const seed = readSeedGenome(join(hill, 'seed'), config.genome);
  await createRunDirectory(
    dir,
    { version: 'test', run, arm, seed: 1, config, experimentDir: hill, sandbox: 'memory', group: 'marks' },
    new Map(lineages.map((id) => [id, seed])),
  );
  const models = new Map(
    lineages.map((id) => [
      `model-${id}`,
      createScriptedModel(() => 'so be it', { name: `model-${id}`, isTrusted: true, embeds: () => [1] }),
    ]),
  );
  const answers: OpenedRun['answers'] = new Map();
  const provider = createMemoryProvider(async (argv, workspace, { env, stdin, ...rest }) => {
    if (argv[1] === 'task.mjs') return { stdout: new TextDecoder().decode(workspace.get('position.json')!.bytes) };
    if (argv[1] !== 'meta.mjs') return passingCheck({ ...rest, ...(stdin === undefined ? {} : { stdin }) });
    const { lineage, generation } = JSON.parse(stdin!) as { lineage: string; generation: number };
    const spec = provider.opened.findLast(({ owner, mounts }) => owner === lineage && mounts.length > 0)!;
    const at = spec.mounts.find(({ target }) => target === 'marks')?.source ?? null;
    const marks = (path: string) => {
      try {
        return at === null ? null : (JSON.parse(readFileSync(join(at, path), 'utf8')) as Json);
      } catch {
        return null;
      }
    };
    const deed = act({ lineage, generation, marks });
    const got: { status: number; body: Record<string, never> }[] = [];
    for (const model of deed.calls ?? [undefined]) got.push(await ask(env!.GALAPAGOS_GATEWAY!, model));
    answers.set(`${lineage}/${generation}`, got);
    workspace.set('position.json', textFile(`${JSON.stringify({ x: deed.x ?? generation })}\n`));
    if (deed.marks !== undefined) {
      const lines = deed.marks.map((mark) => (typeof mark === 'string' ? mark : JSON.stringify(mark)));
      workspace.set('marks.jsonl', textFile(`${lines.join('\n')}\n`));
    }
    return { stdout: '{}' };
  });
  const opened = (at: string): OpenedRun => ({
    ...{ dir: at, run, models, answers },
    execute: (host = {}) =>
      executeRun(at, {
        provider,
        openBus: async () => createMemoryBus(),
        secret: () => undefined,
        log: createLogger({ level: 'silent' }),
        models,
        onFact: () => {},
        signal: never,
        stopSoon: never,
        ...host,
      }),
    facts: (type) => factsOf(at).filter((fact) => type === undefined || fact.type === type),
    at: opened,
  });
  return opened(dir);
}

/** One call through the gateway's socket. @param model - As it is sent; a `{ path, … }` is a whole request, `raw` its text. */
function ask(socketPath: string, model: unknown): Promise<{ status: number; body: Record<string, never> }> {
  const { path = '/v1/chat/completions', ...body } =
    model !== null && typeof model === 'object' && 'path' in model
      ? (model as { path: string })
      : { model, messages: [{ role: 'user', content: 'Where next?' }] };
  return new Promise((done, fail) => {
    const call = request({ socketPath, path, method: 'POST', agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      done({ status: response.statusCode!, body: JSON.parse(text) });
    });
    call.on('error', fail);
    call.end('raw' in body ? (body.raw as string) : JSON.stringify(body));
  });
}
