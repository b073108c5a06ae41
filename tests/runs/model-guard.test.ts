import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type OpenedRun, openMarksRun } from './marks-run.ts';

/** A run may take longer than one test may. */
vi.setConfig({ hookTimeout: 120_000 });

const messages = [{ role: 'user', content: 'Where next?' }];
const chat = (model: unknown) => ({ path: '/v1/chat/completions', model, messages });
const embed = (model: unknown) => ({ path: '/v1/embeddings', model, input: 'where' });

/** What reaches a's own model. */
const own = [
  ['its name', chat('model-a')],
  ['no name', { path: '/v1/chat/completions', messages }],
  ['a null for a name', chat(null)],
  ['the name that every genome may use', chat('default')],
  ['its name, for embeddings', embed('model-a')],
  ['no name, for embeddings', { path: '/v1/embeddings', input: 'where' }],
  ['the last of two names in one request', '{"model":"model-b","model":"model-a"}'],
] as const;

/** What must reach nothing. */
const foreign = [
  ["a peer's model", chat('model-b')],
  ["a peer's model, for embeddings", embed('model-b')],
  ['a model that nobody has', chat('gpt-4o')],
  ['an empty name', chat('')],
  ['a name with a space behind it', chat('model-b ')],
  ['its own name with a space before it', chat(' model-a')],
  ['a name in capitals', chat('MODEL-B')],
  ['its own name in capitals', chat('Model-A')],
  ['a look-alike letter', chat('mоdel-b')],
  ['a full-width letter', chat('ｍodel-b')],
  ['a zero-width space', chat('model-\u200bb')],
  ['a combining mark', chat('model-a\u0301')],
  ['a zero byte behind its own name', chat('model-a\u0000')],
  ['a zero byte and a peer behind its own name', chat('model-a\u0000model-b')],
  ['a path', chat('../model-b')],
  ['a provider before the name', chat('openai/model-b')],
  ['two names with a comma', chat('model-a,model-b')],
  ['a line feed and a second name', chat('model-a\nmodel-b')],
  ['the name of something every object has', chat('constructor')],
  ['the prototype', chat('__proto__')],
] as const;

/** What is no request at all. */
const malformed = [
  ['a list of names', chat(['model-a', 'model-b'])],
  ['a list with a peer alone', chat(['model-b'])],
  ['an object for a name', chat({ name: 'model-b', toString: 'model-a' })],
  ['a number', chat(1)],
  ['a truth', chat(true)],
  ['a name without end', chat('model-b'.repeat(1_000))],
  ['a list, for embeddings', embed(['model-b'])],
] as const;

const all = [...own, ...foreign, ...malformed];
let dir: string;
let opened: OpenedRun;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gal-test-'));
  const calls = all.map(([, call]) =>
    typeof call === 'string'
      ? { path: '/v1/chat/completions', raw: `{"messages":${JSON.stringify(messages)},${call.slice(1)}` }
      : call,
  );
  opened = await openMarksRun(dir, { rounds: 1, act: ({ lineage }) => (lineage === 'a' ? { calls } : {}) });
  const ending = await opened.execute();
  if (ending.status !== 'done') throw ending.error;
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const answerTo = (what: string) => opened.answers.get('a/1')![all.findIndex(([name]) => name === what)]!;
const denied = () =>
  opened
    .facts('guard.denied')
    .map(
      ({ body }) => body as { lineage: string; operation: string; rule: string; generation: number; message: string },
    );

describe('which model a call reaches', () => {
  it.each(own)('is its own for %s', (what) => {
    expect(answerTo(what).status).toBe(200);
  });

  it.each(foreign)('is none for %s: an error as OpenAI words it, and a fact', (what, call) => {
    const { status, body } = answerTo(what);
    expect([status, body]).toMatchObject([404, { error: { code: 'model_not_found', type: expect.any(String) } }]);
    // Not a word of whether anybody else has it.
    expect(JSON.stringify(body)).toContain('does not exist or is not yours');
    const named = JSON.stringify((call as { model: string }).model);
    expect(denied().some(({ message, rule }) => message.includes(named) && rule === 'model/not-yours')).toBe(true);
  });

  it.each(malformed)('is none for %s', (what) => {
    expect(answerTo(what).status).toBe(400);
  });

  it("never is a peer's: its model was asked by the peer alone", () => {
    const [a, b] = [opened.models.get('model-a')!, opened.models.get('model-b')!];
    expect([a.requests.length, a.embeddingRequests.length]).toEqual([own.length - 2, 2]);
    expect([...a.requests, ...a.embeddingRequests].every(({ model }) => model === 'model-a')).toBe(true);
    expect([b.requests.length, b.embeddingRequests.length]).toEqual([1, 0]);
    expect(
      denied().every(
        ({ lineage, operation, generation }) => lineage === 'a' && operation === 'reach' && generation === 1,
      ),
    ).toBe(true);
    // One for each name, whatever it was asked for.
    expect(denied()).toHaveLength(foreign.length - 1);
  });
});
