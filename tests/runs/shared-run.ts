import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LogEntry, type ProgressEvent, type RunRecord, readLog, readRun, run } from '../../src/index.ts';
import { repository } from '../support/example-run.ts';

/** One call of a tool of the packing seed's meta-agent. */
export interface Step {
  readonly name: 'view' | 'bash' | 'create' | 'delete';
  readonly arguments: Readonly<Record<string, string>>;
}

/** What the model says: by lineage and generation, one tool call a turn. Where nothing stands, it leaves a note. */
export type Scripts = Readonly<Record<string, Readonly<Record<number, readonly Step[]>>>>;

export const view = (path: string): Step => ({ name: 'view', arguments: { path } });
export const bash = (command: string): Step => ({ name: 'bash', arguments: { command } });
export const create = (path: string, content: string): Step => ({ name: 'create', arguments: { path, content } });
export const drop = (path: string): Step => ({ name: 'delete', arguments: { path } });
/** The score is the number in this file. */
export const stand = (x: number): Step => create('position.json', `${JSON.stringify({ x })}\n`);

export interface SharedRun {
  /** An empty directory for the experiment and its run. */
  readonly dir: string;
  readonly scripts: Scripts;
  readonly rounds: number;
  readonly sandbox: string;
  /** Files of the seed genome, over those of the packing seed, by lineage; `''` is for all. */
  readonly seeds?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Body of the niche's module. Default: the score is the answer. */
  readonly niche?: string;
  /** More of the experiment file, as YAML lines. */
  readonly settings?: string;
  readonly onProgress?: (event: ProgressEvent) => void;
}

/** A real run with lineages that see each other, of the packing seed's meta-agent and a scripted model. */
export async function sharedRun(shared: SharedRun): Promise<{
  readonly record: RunRecord;
  readonly log: readonly LogEntry[];
}> {
  const { dir } = shared;
  const seedOf = (lineage: string) => {
    const seed = join(dir, `seed-${lineage}`);
    const packing = join(repository, 'experiments', 'packing', 'seed');
    for (const file of ['meta.mjs', 'gateway.mjs', 'tools.mjs', 'prompt.md', 'genome.json']) {
      cpSync(join(packing, file), join(seed, file), { recursive: true });
    }
    const own = { 'task.mjs': stands, 'position.json': '{"x":0}\n', ...shared.seeds?.[''], ...shared.seeds?.[lineage] };
    for (const [path, text] of Object.entries(own)) writeFileSync(join(seed, path), text);
    return seed;
  };
  writeFileSync(join(dir, 'niche.mjs'), shared.niche ?? plainNiche);
  writeFileSync(join(dir, 'model.mjs'), modelOf(shared.scripts));
  const lineages = Object.keys(shared.scripts).map((id) => `  ${id}: { model: scripted, seed: ${seedOf(id)} }`);
  const file = join(dir, 'experiment.yaml');
  writeFileSync(
    file,
    `name: shared
niche: { module: ./niche.mjs }
lineages:
${lineages.join('\n')}
models:
  scripted: { kind: module, module: ./model.mjs }
arms: [paired]
seeds: [1]
budget: { generations: ${shared.rounds} }
sandbox: { provider: ${shared.sandbox}, allowUnsafe: true, warm: 0 }
${shared.settings ?? ''}
`,
  );
  const { onProgress = () => {} } = shared;
  const outcome = await run(file, { out: join(dir, 'out'), logLevel: 'silent', onProgress });
  const record = await readRun(outcome.runs[0]!.dir);
  if (record.status !== 'done') throw new Error(`the run is ${record.status}: ${record.reason}`);
  return { record, log: await readLog(record) };
}

const stands = `import { readFileSync, realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
export function main() {
  console.log(readFileSync('position.json', 'utf8'));
}
if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) main();
`;

const plainNiche = `export default {
  kind: 'niche',
  name: 'plain',
  create: () => ({
    name: 'plain',
    version: '1',
    situations: ({ split, count }) =>
      Array.from({ length: count }, (_, i) => ({ id: split + '-' + i, split, input: { question: 'where?' } })),
    measure: (_situation, { output }) => ({ status: 'measured', score: Number(output.x), details: {} }),
  }),
};
`;

function modelOf(scripts: Scripts): string {
  return `const scripts = ${JSON.stringify(scripts)};
export default {
  kind: 'model',
  name: 'scripted',
  create: () => ({
    name: 'scripted',
    isTrusted: true,
    contextTokens: null,
    price: () => 0,
    async complete({ model, messages }) {
      const [, lineage, generation] = /You are lineage (\\S+), making generation (\\d+)/.exec(messages[1].content);
      const note = { name: 'create', arguments: { path: 'note.txt', content: 'tried ' + generation + '\\n' } };
      const steps = scripts[lineage][generation] ?? [note];
      const step = steps[messages.filter((m) => m.role === 'assistant').length];
      const tool_calls = step && [
        { id: 'call', type: 'function', function: { name: step.name, arguments: JSON.stringify(step.arguments) } },
      ];
      const message = { role: 'assistant', content: step ? null : 'done', ...(step ? { tool_calls } : {}) };
      const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
      const choices = [{ index: 0, finish_reason: step ? 'tool_calls' : 'stop', message }];
      return {
        source: 'live',
        costUsd: 0,
        completion: { id: 'c', object: 'chat.completion', created: 0, model, choices, usage },
      };
    },
  }),
};
`;
}
