import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ChatMessage, type ChatRequest, chatCompletionSchema, chatRequestSchema } from '../../src/core/chat.ts';
import { createMutator } from '../../src/models/mutator/mutator.ts';

const seedDir = fileURLToPath(new URL('../../experiments/packing/seed/', import.meta.url));
const pythonDir = fileURLToPath(new URL('../../experiments/packing/seed-python/', import.meta.url));
const { createToolbox } = (await import(join(seedDir, 'tools.mjs'))) as {
  createToolbox(root: string): {
    tools: ChatRequest['tools'];
    call(f: { name: string; arguments: string }): Promise<string>;
  };
};
const signal = new AbortController().signal;
const numeric = createMutator({ name: 'mutator:numeric', mix: 'numeric' });
const structural = createMutator({ name: 'mutator:structural', mix: 'structural' });

async function workspace(peers: Record<string, { score: number; pack: string }> = {}, seed = seedDir): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'mutator-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await cp(seed, dir, { recursive: true });
  await mkdir(join(dir, 'evals'));
  await writeFile(join(dir, 'evals', 'train.json'), JSON.stringify({ status: 'measured', split: 'train', score: 2.1 }));
  for (const [name, { score, pack }] of Object.entries(peers)) {
    await mkdir(join(dir, 'strategies', name), { recursive: true });
    await writeFile(join(dir, 'strategies', name, seed === seedDir ? 'pack.mjs' : 'pack.py'), pack);
    await writeFile(join(dir, 'strategies', name, 'metadata.json'), JSON.stringify({ lineage: name, score }));
  }
  return dir;
}

/** The seed's own tool loop, without the gateway. */
async function evolve(dir: string, model = numeric, seed = 1, offered?: ChatRequest['tools']) {
  const toolbox = createToolbox(dir);
  const tools = offered ?? toolbox.tools;
  const messages: ChatMessage[] = [
    { role: 'system', content: 'improve' },
    { role: 'user', content: 'lineage a, generation 1' },
  ];
  for (let turn = 0; turn < 20; turn += 1) {
    const request = chatRequestSchema.parse({ messages, tools, seed });
    const { completion } = await model.complete(request, signal);
    const { message, finish_reason } = chatCompletionSchema.parse(completion).choices[0]!;
    expect(finish_reason).toBe(message.tool_calls === undefined ? 'stop' : 'tool_calls');
    messages.push({ ...message });
    if (message.tool_calls === undefined) return { messages, summary: message.content ?? '' };
    for (const call of message.tool_calls) {
      messages.push({ role: 'tool', tool_call_id: call.id, content: await toolbox.call(call.function) });
    }
  }
  throw new Error('the mutator did not stop');
}

function callsIn(messages: readonly ChatMessage[]) {
  const calls = messages.flatMap((m) => (m.role === 'assistant' ? (m.tool_calls ?? []) : []));
  return calls.map((c) => ({
    id: c.id,
    name: c.function.name,
    args: JSON.parse(c.function.arguments) as Record<string, string>,
  }));
}

describe('a generation', () => {
  it.each([numeric, structural])('of $name edits the genome and says which operators it used', async (model) => {
    const dir = await workspace();
    const { summary, messages } = await evolve(dir, model);
    const edits = callsIn(messages).filter((c) => c.name === 'str_replace' || c.name === 'create');
    expect(edits.length).toBeGreaterThanOrEqual(1);
    expect(edits.length).toBeLessThanOrEqual(3);
    expect(summary).toMatch(/^[a-z]+(-[a-z]+)+ in \w+\.mjs: /);
    const changed = await Promise.all(
      ['pack.mjs', 'random.mjs', 'task.mjs'].map(
        async (f) => (await readFile(join(dir, f), 'utf8')) !== (await readFile(join(seedDir, f), 'utf8')),
      ),
    );
    expect(changed).toContain(true);
  });

  it.each([numeric, structural])('of $name edits a genome in Python, and never its harness', async (model) => {
    const summaries: string[] = [];
    for (let seed = 0; seed < 6; seed += 1) {
      const dir = await workspace({}, pythonDir);
      const { summary, messages } = await evolve(dir, model, seed);
      summaries.push(summary);
      const edits = callsIn(messages).filter((c) => c.name === 'str_replace' || c.name === 'create');
      expect(edits.length).toBeGreaterThanOrEqual(1);
      for (const { args } of edits) expect(args.path).toMatch(/^(pack|generator|task)\.py$/);
      const isChanged = async (f: string) =>
        (await readFile(join(dir, f), 'utf8')) !== (await readFile(join(pythonDir, f), 'utf8'));
      expect(await Promise.all(['pack.py', 'generator.py', 'task.py'].map(isChanged))).toContain(true);
    }
    for (const summary of summaries) expect(summary).toMatch(/^[a-z]+(-[a-z]+)+ in \w+\.py: /);
    expect(new Set(summaries).size).toBeGreaterThan(3);
  });

  it('is the same bytes for the same messages and seed, and other code for another seed', async () => {
    const [a, b, c] = [
      await evolve(await workspace()),
      await evolve(await workspace()),
      await evolve(await workspace(), numeric, 2),
    ];
    expect(JSON.stringify(a)).toBe(JSON.stringify(b));
    expect(c.summary).not.toBe(a.summary);
  });

  it('only calls offered tools with arguments they take, under ids of their own', async () => {
    const toolbox = createToolbox(await workspace());
    const { messages } = await evolve(
      await workspace({ b_gen1: { score: 2.3, pack: 'export const x = 1;\n' } }),
      structural,
    );
    const calls = callsIn(messages);
    expect(new Set(calls.map((c) => c.id)).size).toBe(calls.length);
    for (const { name, args } of calls) {
      const tool = toolbox.tools!.find((t) => t.function.name === name)!;
      const { properties, required } = tool.function.parameters as { properties: object; required: string[] };
      expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(args)));
      expect(Object.keys(args)).toEqual(expect.arrayContaining(required));
      expect(Object.values(args).every((v) => typeof v === 'string')).toBe(true);
    }
  });

  it('counts four characters as a token', async () => {
    const request = chatRequestSchema.parse({ messages: [{ role: 'user', content: 'hello' }] });
    const { completion, costUsd } = await numeric.complete(request, signal);
    const said = completion.choices[0]!.message.content!;
    expect(completion.usage.completion_tokens).toBe(Math.ceil(said.length / 4));
    expect(completion.usage.prompt_tokens).toBe(Math.ceil(JSON.stringify([request.messages, []]).length / 4));
    expect(costUsd).toBe(0);
  });

  it('says so when an answer does not fit into the allowed tokens', async () => {
    const { tools } = createToolbox(seedDir);
    const request = chatRequestSchema.parse({
      messages: [{ role: 'user', content: 'go' }],
      tools,
      max_completion_tokens: 5,
    });
    const { completion } = await numeric.complete(request, signal);
    expect(completion.choices[0]!.finish_reason).toBe('length');
    expect(completion.choices[0]!.message.tool_calls).toBeUndefined();
  });
});

describe('peers', () => {
  it('are found, read and taken over from', async () => {
    const better = (await readFile(join(seedDir, 'pack.mjs'), 'utf8')).replace(
      /const caution = .*;/,
      'const caution = 0.001;',
    );
    const summaries: string[] = [];
    for (let seed = 0; seed < 12; seed += 1) {
      const dir = await workspace({ beta_gen4: { score: 2.4, pack: better } });
      const { summary } = await evolve(dir, numeric, seed);
      summaries.push(summary);
      if (summary.includes('adopt-constant from beta_gen4')) {
        expect(await readFile(join(dir, 'pack.mjs'), 'utf8')).toContain('const caution = 0.001;');
      }
    }
    expect(summaries.filter((s) => s.includes('adopt-constant from beta_gen4')).length).toBeGreaterThanOrEqual(2);
  });

  it('are taken over from in Python too', async () => {
    const pack = await readFile(join(pythonDir, 'pack.py'), 'utf8');
    const better = pack.replace('caution = 0.12', 'caution = 0.001');
    const summaries: string[] = [];
    for (let seed = 0; seed < 12; seed += 1) {
      const dir = await workspace({ beta_gen4: { score: 2.4, pack: better } }, pythonDir);
      summaries.push((await evolve(dir, numeric, seed)).summary);
    }
    expect(summaries.filter((s) => s.includes('adopt-constant from beta_gen4')).length).toBeGreaterThanOrEqual(2);
  });

  it('are never edited, nor anything else outside the genome', async () => {
    const pack = await readFile(join(seedDir, 'pack.mjs'), 'utf8');
    for (let seed = 0; seed < 6; seed += 1) {
      const dir = await workspace({ b_gen1: { score: 3, pack: pack.replace('gain > 0', 'gain >= 0') } });
      const { messages } = await evolve(dir, structural, seed);
      const edits = callsIn(messages).filter((c) => c.name === 'str_replace' || c.name === 'create');
      for (const { args } of edits) expect(args.path).toMatch(/^(pack|random|task)\.mjs$/);
    }
  });
});

describe('a hostile or poor harness', () => {
  const withTools = (names: readonly string[]) =>
    createToolbox(seedDir).tools!.filter((t) => names.includes(t.function.name));

  it.each([[[]], [['list', 'view']], [['view', 'create']]])(
    'is left politely when it offers only %j',
    async (names) => {
      const { summary, messages } = await evolve(await workspace(), numeric, 1, withTools(names));
      expect(summary).toMatch(/^No change: /);
      expect(callsIn(messages)).toEqual([]);
    },
  );

  it('gets whole files when it cannot replace text', async () => {
    const { messages } = await evolve(await workspace(), numeric, 1, withTools(['list', 'view', 'create']));
    const last = callsIn(messages).at(-1)!;
    expect(last.name).toBe('create');
    expect(last.args.content!.length).toBeGreaterThan(1_000);
  });

  it('cannot lure it out of the genome by what a listing says', async () => {
    const tools = withTools(['list', 'view', 'create', 'str_replace']);
    const messages: ChatMessage[] = [{ role: 'user', content: 'go' }];
    for (let turn = 0; turn < 8; turn += 1) {
      const { completion } = await structural.complete(chatRequestSchema.parse({ messages, tools }), signal);
      const { message } = completion.choices[0]!;
      messages.push({ ...message });
      for (const call of message.tool_calls ?? []) {
        const isList = call.function.name === 'list';
        const content = isList
          ? '../up.mjs\n/etc/x.mjs\nstrategies/p.mjs\n.hidden.mjs\nown.mjs'
          : 'const a = 1;\nexport const b = a * 2.5;';
        messages.push({ role: 'tool', tool_call_id: call.id, content });
      }
    }
    const paths = callsIn(messages)
      .filter((c) => c.name !== 'list')
      .map((c) => c.args.path);
    expect(new Set(paths)).toEqual(new Set(['own.mjs']));
  });

  it('is not asked for ever when every edit fails', async () => {
    const dir = await workspace();
    const toolbox = createToolbox(dir);
    const messages: ChatMessage[] = [{ role: 'user', content: 'go' }];
    let turns = 0;
    for (; turns < 20; turns += 1) {
      const { completion } = await numeric.complete(
        chatRequestSchema.parse({ messages, tools: toolbox.tools, seed: 3 }),
        signal,
      );
      const { message } = completion.choices[0]!;
      messages.push({ ...message });
      if (message.tool_calls === undefined) break;
      for (const call of message.tool_calls) {
        const isEdit = call.function.name === 'str_replace' || call.function.name === 'create';
        const content = isEdit ? 'error: read-only file system' : await toolbox.call(call.function);
        messages.push({ role: 'tool', tool_call_id: call.id, content });
      }
    }
    expect(turns).toBeLessThan(8);
    expect(messages.at(-1)).toMatchObject({ content: 'No change: no edit went through.' });
    expect(existsSync(join(dir, 'pack.mjs'))).toBe(true);
  });
});
