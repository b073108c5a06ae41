import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { chatRequestSchema } from '../../src/core/chat.ts';
import type { Model } from '../../src/core/define.ts';
import { embeddingRequestSchema } from '../../src/core/embedding.ts';
import { ModelUnavailableError } from '../../src/core/errors.ts';
import { cassetteKey, createCassetteModel } from '../../src/models/cassette-model.ts';
import { createScriptedModel } from '../support/scripted-model.ts';

/** A fresh one for each call: parallel listeners on one signal would be reported as a leak. */
const never = () => new AbortController().signal;
const ask = (content: string, seed?: number) =>
  chatRequestSchema.parse({ messages: [{ role: 'user', content }], ...(seed === undefined ? {} : { seed }) });

const embedding = (input: unknown) => embeddingRequestSchema.parse({ input });

/** Says which call it was, so that a replay out of order shows. */
const counting = (options = {}) => createScriptedModel((_request, call) => `call ${call}`, options);

async function newFile(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'cassette-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  return join(dir, 'sub', 'calls.jsonl');
}

const record = (file: string, of: Model) => createCassetteModel({ name: 'c', file, mode: 'record', of });
const replay = (file: string) => createCassetteModel({ name: 'c', file, mode: 'replay' });

async function say(model: Model, text: string, seed?: number): Promise<string> {
  const answer = await model.complete(ask(text, seed), never());
  return `${answer.source}: ${answer.completion.choices[0]!.message.content}`;
}

describe('a cassette', () => {
  it('replays the same request as often as it was recorded, in that order', async () => {
    const file = await newFile();
    const recorder = record(file, counting());
    for (const text of ['a', 'b', 'a']) await say(recorder, text);
    const player = replay(file);
    expect([await say(player, 'a'), await say(player, 'a'), await say(player, 'b')]).toEqual([
      'replay: call 0',
      'replay: call 2',
      'replay: call 1',
    ]);
    await expect(say(player, 'a')).rejects.toMatchObject({ code: 'CASSETTE_MISSING' });
  });

  it('names the call that has no recording', async () => {
    const file = await newFile();
    const error = await replay(file)
      .complete(ask('x'.repeat(200)), never())
      .catch((e: Error) => e);
    const key = cassetteKey('c', ask('x'.repeat(200)));
    expect(error).toMatchObject({ code: 'CASSETTE_MISSING', details: { model: 'c', key } });
    expect((error as Error).message).toContain(`model c: user: "${'x'.repeat(80)}" (key ${key})`);
  });

  it('tells requests apart by any field, and models by name', () => {
    const keys = [cassetteKey('c', ask('a')), cassetteKey('c', ask('a', 1)), cassetteKey('d', ask('a'))];
    expect(new Set(keys).size).toBe(3);
    const { messages, model } = ask('a');
    expect(cassetteKey('c', { messages, model })).toBe(cassetteKey('c', { model, messages }));
  });

  it('asks the live model in auto mode only for what is missing, and keeps the answer', async () => {
    const file = await newFile();
    await say(record(file, counting()), 'a');
    const live = counting();
    const auto = createCassetteModel({ name: 'c', file, mode: 'auto', of: live });
    expect([await say(auto, 'a'), await say(auto, 'a'), await say(auto, 'b')]).toEqual([
      'replay: call 0',
      'live: call 0',
      'live: call 1',
    ]);
    const player = replay(file);
    expect([await say(player, 'a'), await say(player, 'a')]).toEqual(['replay: call 0', 'replay: call 0']);
    expect(live.requests).toHaveLength(2);
  });

  it('does not count a failed call', async () => {
    const file = await newFile();
    const live = counting({ failFirst: [new ModelUnavailableError('down')] });
    const auto = createCassetteModel({ name: 'c', file, mode: 'auto', of: live });
    await expect(say(auto, 'a')).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    expect(await say(auto, 'a')).toBe('live: call 1');
    expect(await say(replay(file), 'a')).toBe('replay: call 1');
  });

  it('does not spend a recording on a call that was missing', async () => {
    const file = await newFile();
    await say(record(file, counting()), 'a');
    const player = replay(file);
    await expect(say(player, 'b')).rejects.toMatchObject({ code: 'CASSETTE_MISSING' });
    expect(await say(player, 'a')).toBe('replay: call 0');
  });

  it('lets a second recording replace the first', async () => {
    const file = await newFile();
    await say(
      record(
        file,
        createScriptedModel(() => 'old'),
      ),
      'a',
    );
    await say(
      record(
        file,
        createScriptedModel(() => 'new'),
      ),
      'a',
    );
    expect(await say(replay(file), 'a')).toBe('replay: new');
  });

  it('keeps sixteen parallel recordings apart', async () => {
    const file = await newFile();
    const recorder = record(
      file,
      createScriptedModel((r) => `long ${'y'.repeat(20_000)} ${r.seed}`, { delayMs: 2 }),
    );
    await Promise.all(Array.from({ length: 16 }, (_, seed) => say(recorder, 'a', seed)));
    const player = replay(file);
    const heard = await Promise.all(Array.from({ length: 16 }, (_, seed) => say(player, 'a', seed)));
    expect(heard.map((text) => Number(text.split(' ').at(-1)))).toEqual(Array.from({ length: 16 }, (_, i) => i));
  });

  it('hands out each of eight recordings once to eight parallel calls of one request', async () => {
    const file = await newFile();
    const recorder = record(file, counting());
    for (let i = 0; i < 8; i += 1) await say(recorder, 'a');
    const player = replay(file);
    const heard = await Promise.all(Array.from({ length: 8 }, () => say(player, 'a')));
    expect(heard).toEqual(Array.from({ length: 8 }, (_, i) => `replay: call ${i}`));
  });

  it('drops a last line that a crash tore, and records on after it', async () => {
    const file = await newFile();
    await say(record(file, counting()), 'a');
    await appendFile(file, '{"v":1,"key":"12');
    expect(await say(replay(file), 'a')).toBe('replay: call 0');
    const auto = createCassetteModel({ name: 'c', file, mode: 'auto', of: counting() });
    await say(auto, 'b');
    expect([await say(replay(file), 'a'), await say(replay(file), 'b')]).toEqual(['replay: call 0', 'replay: call 0']);
  });

  it('says which line of a damaged file is bad', async () => {
    const file = await newFile();
    await say(record(file, counting()), 'a');
    await writeFile(file, `${await readFile(file, 'utf8')}garbage\n`);
    await expect(say(replay(file), 'a')).rejects.toMatchObject({ code: 'STORAGE_FAILED', details: { line: 2 } });
  });

  it('keeps the cost of the recorded call, and trusts nothing without the live model', async () => {
    const file = await newFile();
    const live = createScriptedModel(() => 'a', { usdPerToken: 0.001, isTrusted: true });
    await record(file, live).complete(ask('a'), never());
    expect(record(file, live).isTrusted).toBe(true);
    expect(replay(file)).toMatchObject({ isTrusted: false });
    expect((await replay(file).complete(ask('a'), never())).costUsd).toBeCloseTo(0.015, 9);
  });

  it('replays embeddings as it replays answers, and tells them apart', async () => {
    const file = await newFile();
    const live = createScriptedModel(() => 'text', { usdPerToken: 0.001, embeds: (input) => [input.length, 0.5] });
    const recorder = record(file, live);
    const recorded = await recorder.embed!(embedding(['abc', 'a']), never());
    await say(recorder, 'abc');
    const player = replay(file);
    expect(await player.embed!(embedding(['abc', 'a']), never())).toEqual({ ...recorded, source: 'replay' });
    expect(await say(player, 'abc')).toBe('replay: text');
    await expect(player.embed!(embedding('abc'), never())).rejects.toThrow('model c: embed: "abc" (key ');
    await expect(player.embed!(embedding([1, 2]), never())).rejects.toMatchObject({ code: 'CASSETTE_MISSING' });
  });

  it('remembers that the model had no embeddings', async () => {
    const file = await newFile();
    const without = { code: 'MODEL_FAILED', details: { status: 404 } };
    await expect(record(file, counting()).embed!(embedding('a'), never())).rejects.toMatchObject(without);
    await expect(replay(file).embed!(embedding('a'), never())).rejects.toMatchObject(without);
    await expect(replay(file).embed!(embedding('b'), never())).rejects.toMatchObject({ code: 'CASSETTE_MISSING' });
  });

  it('refuses to record nothing', () => {
    expect(() => createCassetteModel({ name: 'c', file: 'x', mode: 'record' })).toThrow('needs "of"');
  });
});
