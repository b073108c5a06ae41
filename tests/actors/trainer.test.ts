import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createTrainer, rolledBackFact, trainedFact } from '../../actors/trainer/create-trainer.ts';
import { rollBack } from '../../actors/trainer/roll-back.ts';
import { keepAndServe, type WeightsPorts } from '../../actors/trainer/weights.ts';
import { chatRequestSchema } from '../../src/core/chat.ts';
import { checkResult } from '../../src/core/contracts.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { parseAdapterId, parseLineageId, parseRunId } from '../../src/core/ids.ts';
import { sha256 } from '../../src/core/json.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import { openAdapterStore } from '../../src/lineage/adapter-store.ts';
import { createFileGenomeStore } from '../../src/lineage/genome-store.ts';
import { openGitLineage } from '../../src/lineage/git-lineage.ts';
import { createEmbeddedModel } from '../../src/models/embedded/embedded-model.ts';
import { createEmbeddedServing } from '../../src/models/embedded/embedded-serving.ts';
import { createEmbeddedTrainer } from '../../src/models/embedded/embedded-trainer.ts';
import { readAdapter } from '../../src/models/embedded/files/peft-adapter.ts';
import { memoryJournal } from '../markspace/space-fixture.ts';
import { openSmallBase, scratchDir } from '../models/embedded/small-base.ts';

vi.setConfig({ testTimeout: 120_000 });
const never = () => new AbortController().signal;
const lineage = parseLineageId('a');

/** Real trainer, store and serving over an untrained base. */
async function open() {
  const scratch = await scratchDir();
  const base = openSmallBase(join(scratch.path, 'base'));
  const genomes = createFileGenomeStore(join(scratch.path, 'genomes'));
  const repository = await openGitLineage({ dir: join(scratch.path, 'lineage'), genomes });
  const adaptersDir = join(scratch.path, 'adapters');
  const trainerOf = (of: typeof base, directory = adaptersDir) =>
    createEmbeddedTrainer({
      ...{ base: of, adaptersDir: directory, checkpointsDir: join(scratch.path, 'checkpoints'), threads: 2 },
    });
  const ports: WeightsPorts = {
    ...{ trainer: trainerOf(base), serving: createEmbeddedServing({ base, slots: 4 }), adaptersDir },
    adapters: openAdapterStore({ dir: join(scratch.path, 'lineage'), genomes }),
  };
  onTestFinished(async () => {
    await ports.serving[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });
  const hyperparameters = { rank: 4, alpha: 8, steps: 12, batchSize: 4, learningRate: 0.02 };
  const jobOf = (completion: string, more: object = {}) => ({
    ...{ base: base.name, method: 'sft' as const, hyperparameters: { ...hyperparameters, ...more }, seed: 3 },
    dataset: [{ prompt: 'disk', completion }],
  });
  return { scratch, base, genomes, ports, trainerOf, jobOf, adaptersDir };
}

/** Two generations of weights in service one after the other. */
async function openWithTwo(second: object = {}) {
  const opened = await open();
  const { ports, jobOf } = opened;
  const train = async (completion: string, generation: number, more = {}) => {
    const { adapter } = await ports.trainer.train(jobOf(completion, more), { signal: never() });
    return keepAndServe(ports, adapter, { lineage, generation }, never());
  };
  const good = await train('rm @1', 1);
  const said = await says(opened);
  const bad = await train('mv @2', 2, second);
  return { ...opened, good, bad, said };
}

async function says({ base, ports }: Pick<Awaited<ReturnType<typeof open>>, 'base' | 'ports'>): Promise<string> {
  const serving = ports.serving as ReturnType<typeof createEmbeddedServing>;
  const model = createEmbeddedModel({ name: 'm', base, serving });
  const request = { model: serving.inService(lineage), messages: [{ role: 'user', content: 'disk' }] };
  const asked = chatRequestSchema.parse({ ...request, seed: 5, max_tokens: 12 });
  return (await model.complete(asked, never())).completion.choices[0]!.message.content!;
}

/** By hash: a difference is said at once, not byte by byte. */
const filesOf = (directory: string) =>
  Object.fromEntries(readdirSync(directory).map((name) => [name, hashOf(join(directory, name))]));
const hashOf = (file: string) => sha256(readFileSync(file));

it('goes back hard: the good weights, the optimiser’s state and the examples of their training, bit for bit', async () => {
  const opened = await openWithTwo();
  const { ports, good, bad, said, adaptersDir } = opened;
  const before = filesOf(join(adaptersDir, good.adapter.id));
  expect(Object.keys(before)).toEqual([
    ...['adapter_config.json', 'adapter_model.safetensors', 'optimizer.safetensors'],
    ...['provenance.json', 'replay.jsonl'],
  ]);
  // What lies about may be damaged: what counts is what was kept.
  writeFileSync(join(adaptersDir, good.adapter.id, 'optimizer.safetensors'), 'damaged');
  writeFileSync(join(adaptersDir, good.adapter.id, 'adapter_model.safetensors'), 'damaged');
  const back = await rollBack(
    ports,
    { to: good.adapter, from: bad.adapter, share: 0, lineage, generation: 3 },
    never(),
  );
  expect(back.adapter).toEqual(good.adapter);
  expect(filesOf(join(adaptersDir, good.adapter.id))).toEqual(before);
  expect(ports.serving.inService(lineage)).toBe(back.model);
  expect(await says(opened)).toBe(said);
});

it('goes back softly: weights in between, the optimiser’s state and the examples of the good ones, and says so', async () => {
  const { ports, base, good, bad, adaptersDir } = await openWithTwo();
  const request = { to: good.adapter, from: bad.adapter, share: 0.25, lineage, generation: 3 };
  const soft = await rollBack(ports, request, never());
  const [one, other, between] = [good, bad, soft].map(({ adapter }) => join(adaptersDir, adapter.id));
  const [a, b, c] = [one, other, between].map((directory) => readAdapter(directory!, base).floats);
  expect(c).toEqual(a!.map((value, i) => 0.75 * value + 0.25 * b![i]!));
  for (const name of ['optimizer.safetensors', 'replay.jsonl']) {
    expect(hashOf(join(between!, name))).toBe(hashOf(join(one!, name)));
    expect(hashOf(join(between!, name))).not.toBe(hashOf(join(other!, name)));
  }
  expect(JSON.parse(readFileSync(join(between!, 'provenance.json'), 'utf8'))).toEqual({
    blend: { good: good.adapter.id, current: bad.adapter.id, share: 0.25 },
    base: { name: base.name, sha256: base.sha256 },
  });
  expect(ports.serving.inService(lineage)).toBe(soft.model);
  expect(await rollBack(ports, request, never())).toEqual(soft);
});

it.each([0, 0.5])('keeps in service what is there when the good weights are damaged (share %d)', async (share) => {
  const { scratch, ports, good, bad } = await openWithTwo();
  const lfs = join(scratch.path, 'lineage', '.git', 'lfs', 'objects');
  for (const entry of readdirSync(lfs, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile()) writeFileSync(file, readFileSync(file).fill(7));
  }
  const request = { to: good.adapter, from: bad.adapter, share, lineage, generation: 3 };
  await expect(rollBack(ports, request, never())).rejects.toMatchObject({
    code: 'WEIGHTS_INVALID',
    message: expect.stringMatching(/lfs\/objects\/.* is damaged/),
  });
  expect(ports.serving.inService(lineage)).toBe(bad.model);
});

it('finds nothing between adapters of different rank, and keeps what is in service; hard it goes back', async () => {
  const { ports, good, bad } = await openWithTwo({ rank: 8 });
  const request = { to: good.adapter, from: bad.adapter, lineage, generation: 3 };
  await expect(rollBack(ports, { ...request, share: 0.5 }, never())).rejects.toMatchObject({
    code: 'WEIGHTS_INVALID',
    message: expect.stringContaining('rank 4 and 8: roll back without a share'),
  });
  expect(ports.serving.inService(lineage)).toBe(bad.model);
  await rollBack(ports, { ...request, share: 0 }, never());
  expect(ports.serving.inService(lineage)).toContain(good.adapter.id.slice(0, 8));
});

it('refuses weights of another base, and keeps what is in service', async () => {
  const { scratch, ports, good, bad, jobOf, trainerOf } = await openWithTwo();
  const foreign = trainerOf(openSmallBase(join(scratch.path, 'foreign'), 2), join(scratch.path, 'elsewhere'));
  const { adapter } = await foreign.train(jobOf('rm @1'), { signal: never() });
  const to = await ports.adapters.put(adapter.directory);
  for (const share of [0, 0.5]) {
    const attempt = rollBack(ports, { to, from: bad.adapter, share, lineage, generation: 3 }, never());
    await expect(attempt).rejects.toMatchObject({
      ...{ code: 'WEIGHTS_INVALID', message: expect.stringContaining('trained on another base') },
    });
  }
  const mixedUp = { to: { ...good.adapter, tree: to.tree }, from: bad.adapter, share: 0, lineage, generation: 3 };
  await expect(rollBack(ports, mixedUp, never())).rejects.toThrow(/holds adapter/);
  expect(ports.serving.inService(lineage)).toBe(bad.model);
});

it('writes down what an adapter was made from, and how its training went', async () => {
  const { adaptersDir, base, good } = await openWithTwo();
  const provenance = JSON.parse(readFileSync(join(adaptersDir, good.adapter.id, 'provenance.json'), 'utf8'));
  expect(provenance).toMatchObject({
    ...{ trainer: 'embedded', seed: 3, base: { sha256: base.sha256 } },
    dataset: { examples: 1, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    metrics: { steps: 12, examples: 1, firstLoss: expect.any(Number), lastLoss: provenance.curve[11].loss },
  });
  expect(provenance.curve).toHaveLength(12);
});

/** The role, on a dataset of these lines; `trainings` counts how often it really trained. */
async function openRole(...lines: string[]) {
  const opened = await open();
  const { ports, genomes, jobOf } = opened;
  const journal = memoryJournal();
  let trainings = 0;
  const trainer: WeightsPorts['trainer'] = {
    ...ports.trainer,
    train: (...args) => {
      trainings += 1;
      return ports.trainer.train(...args);
    },
  };
  const dataset = await genomes.put(new Map([['replay.jsonl', textFile(lines.map((line) => `${line}\n`).join(''))]]));
  const request = (generation: number): RequestOf<'trainer'> => ({
    ...{ kind: 'train', run: parseRunId('r'), seed: 3, lineage, generation, dataset },
    hyperparameters: jobOf('').hyperparameters,
  });
  const create = (more: Partial<WeightsPorts> = {}) => createTrainer({ ...ports, trainer, genomes, journal, ...more });
  return { ...opened, journal, request, create, trainings: () => trainings };
}

const example = '{"prompt":"disk","completion":"rm @1"}';

it('trains once, however often it is asked and wherever it was started anew, and answers the same', async () => {
  const { base, create, request, trainings, journal, adaptersDir } = await openRole(example, example);
  const actor = create();
  const result = await actor.handle(request(1), never());
  expect(checkResult('trainer', 't', request(1), result)).toMatchObject({ metrics: { steps: 12, examples: 2 } });
  expect(await actor.handle(request(1), never())).toEqual(result);
  // As after a crash: nothing in service, and the trained files gone; journal and store are what is left.
  rmSync(adaptersDir, { recursive: true });
  const serving = createEmbeddedServing({ base, slots: 4 });
  const again = create({ serving });
  expect(await again.handle(request(1), never())).toEqual(result);
  expect([trainings(), serving.inService(lineage)]).toEqual([1, 'model' in result ? result.model : null]);
  expect(journal.facts).toMatchObject([
    { type: trainedFact, key: 'a/1', body: { metrics: { lastLoss: expect.any(Number) } } },
  ]);
  for (const each of [actor, again, serving]) await each[Symbol.asyncDispose]();
});

it('answers a training that comes to nothing, and leaves what is in service; a dataset that is none is an error', async () => {
  const empty = await openRole();
  await using actor = empty.create();
  expect(await actor.handle(empty.request(1), never())).toEqual({
    ...{ status: 'failed', reason: expect.stringContaining('dataset is empty') },
  });
  expect([empty.ports.serving.inService(lineage), empty.journal.facts]).toEqual([empty.base.name, []]);
  const wrong = await openRole(example, '{"prompt":"disk"}');
  await using other = wrong.create();
  await expect(other.handle(wrong.request(1), never())).rejects.toMatchObject({
    ...{ code: 'GENOME_INVALID', message: expect.stringContaining('replay.jsonl:2') },
  });
});

it('takes weights back when it is asked to, on record, and says why where it cannot', async () => {
  const { create, request, journal, ports } = await openRole(example);
  await using actor = create();
  const [good, bad] = [
    await actor.handle(request(1), never()),
    await actor.handle({ ...request(2), seed: 4 }, never()),
  ];
  if (good.status !== 'in-service' || bad.status !== 'in-service') throw new Error('did not train');
  const { run, seed } = request(3);
  const back: RequestOf<'trainer'> = {
    ...{ kind: 'roll-back', run, seed, lineage, generation: 3, to: good.adapter, from: bad.adapter, share: 0 },
  };
  const result = await actor.handle(back, never());
  expect(checkResult('trainer', 't', back, result)).toMatchObject({ status: 'in-service', adapter: good.adapter });
  expect(journal.facts.at(-1)).toMatchObject({
    type: rolledBackFact,
    key: 'a/3',
    body: { to: good.adapter, share: 0 },
  });
  await actor.handle({ ...back, trial: 'refused' }, never());
  expect(journal.facts.at(-1)).toMatchObject({ type: rolledBackFact, key: 'a/3/refused' });
  const inService = ports.serving.inService(lineage);
  const impossible = { ...back, generation: 4, to: { ...good.adapter, tree: bad.adapter.tree } };
  expect(await actor.handle(impossible, never())).toMatchObject({
    ...{ status: 'failed', reason: expect.stringContaining('holds adapter') },
  });
  expect(ports.serving.inService(lineage)).toBe(inService);
});

it('puts nothing into service whose content is not what its id says', async () => {
  const { ports, jobOf } = await open();
  const { adapter } = await ports.trainer.train(jobOf('rm @1'), { signal: never() });
  const other = { ...adapter, id: parseAdapterId('9'.repeat(64)) };
  await expect(keepAndServe(ports, other, { lineage, generation: 1 }, never())).rejects.toMatchObject({
    code: 'WEIGHTS_INVALID',
    message: expect.stringContaining(`its content is ${adapter.id}`),
  });
  expect(ports.serving.inService(lineage)).toBe(ports.serving.base);
});
