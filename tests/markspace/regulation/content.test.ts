import { describe, expect, it } from 'vitest';
import { claimPolicy } from '../../../markspace/regulation/content/claims.ts';
import { filePolicy } from '../../../markspace/regulation/content/files.ts';
import {
  type ContentPolicy,
  createContentCheck,
  defineContentPolicy,
} from '../../../markspace/regulation/content/policy.ts';
import { secretPolicy } from '../../../markspace/regulation/content/secrets.ts';
import { sizePolicy } from '../../../markspace/regulation/content/size.ts';
import { createChain, failClosed } from '../../../markspace/writing/chain.ts';
import type { Json } from '../../../src/core/json.ts';
import { anObservation, anOperation } from './operations.ts';

const judge = (policy: ContentPolicy, content: Json, topic = 't') =>
  createContentCheck([policy]).judge(anOperation('p', 0, anObservation(content, topic)));

describe('the size policy', () => {
  it('counts bytes of JSON, not characters', () => {
    const policy = sizePolicy(12);
    expect(judge(policy, 'a'.repeat(10)).allowed).toBe(true);
    expect(judge(policy, 'a'.repeat(11))).toMatchObject({ allowed: false, rule: 'size' });
    expect(judge(policy, 'ä'.repeat(6))).toMatchObject({ allowed: false, rule: 'size' });
  });
});

describe('the secret policy', () => {
  const key = 'correct-horse-battery';
  const policy = secretPolicy([key]);

  it.each<[string, Json]>([
    ['plain', key],
    ['inside a sentence, deep down', { a: [1, { b: `it is ${key}.` }] }],
    ['as a name', { [key]: 1 }],
    ['in hexadecimal', Buffer.from(key).toString('hex')],
    ['in base64, shifted', Buffer.from(`xy${key}z`).toString('base64')],
    ['by its shape alone', `AKIA${'ABCDEFGHIJKLMNOP'}`],
    ['as a private key', '-----BEGIN RSA PRIVATE KEY-----'],
  ])('rejects a secret %s, and does not repeat it', (_, content) => {
    const verdict = judge(policy, content);
    expect(verdict).toMatchObject({ allowed: false, check: 'content', rule: 'secret' });
    expect(JSON.stringify(verdict)).not.toContain(key);
  });

  it('looks at the topic, too', () => {
    expect(judge(policy, 'fine', key)).toMatchObject({ allowed: false, rule: 'secret' });
  });

  it('lets ordinary text pass', () => {
    expect(judge(policy, { note: 'the horse was correct', keys: ['a', 'b'] }).allowed).toBe(true);
  });
});

describe('the file policy', () => {
  const refuse = filePolicy({ binaryFiles: 'refuse', executableBit: 'refuse' });

  it.each<[string, Json]>([
    ['a binary file', { 'a.bin': { base64: Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0]).toString('base64') } }],
    ['an executable', { 'a.sh': { text: 'echo', executable: true } }],
    ['a path that leads out', { '../a': 'x' }],
    ['an absolute path', { '/etc/passwd': 'x' }],
    ['two files in one place', { 'a.txt': 'x', 'A.TXT': 'y' }],
    ['a link', { a: { link: '/etc/passwd' } }],
    ['text and bytes at once', { a: { text: 'x', base64: 'eA==' } }],
    ['what is no base64', { a: { base64: '§' } }],
    ['a list', { a: ['x'] }],
  ])('rejects %s', (_, files) => {
    expect(judge(refuse, { note: 'see', files })).toMatchObject({ allowed: false, rule: 'files' });
  });

  it.each<[string, Json]>([
    [
      'text files',
      { files: { 'a.txt': 'x', 'b/c.md': { text: 'y' }, 'd.txt': { base64: 'eA==', executable: false } } },
    ],
    ['a number of files', { files: 3 }],
    ['a list of names', { files: ['a.txt', 'b.txt'] }],
    ['no files', 'files'],
  ])('lets %s pass unchanged', (_, content) => {
    expect(judge(refuse, content)).toMatchObject({ allowed: true, draft: { fields: { content } } });
  });

  it('can clear the executable bit instead', () => {
    const clear = filePolicy({ binaryFiles: 'refuse', executableBit: 'clear' });
    const verdict = judge(clear, { note: 'n', files: { 'a.sh': { text: 'echo', executable: true }, b: 'x' } });
    const files = { 'a.sh': { text: 'echo', executable: false }, b: 'x' };
    expect(verdict).toMatchObject({ allowed: true, draft: { fields: { content: { note: 'n', files } } } });
  });
});

describe('the claim policy', () => {
  const measured = [0.9312, 41, 1_850];
  const policy = claimPolicy(() => measured);
  const flagsOf = (content: Json) => {
    const verdict = judge(policy, content);
    return verdict.allowed ? verdict.flags : 'refused';
  };

  it.each<Json>([
    { accuracy: 0.95 },
    { testAccuracy: 0.95 },
    { 'val-loss': 0.01 },
    { results: { score: 97 } },
    { score: { value: 0.97, n: 50 } },
    { f1: '0.97' },
    { metrics: { a: 0.5 } },
    { scores: [0.9312, 0.99] },
    { successRate: '99 %' },
    { note: 'we reached an accuracy of 0.97' },
    'accuracy 0.97',
    'Accuracy: 97%',
    'F1=0.97',
    'accuracy went from 0.9312 to 0.97',
    'this gives 97 % accuracy on the train set',
    'a 0.97 score',
    'scored 42',
    'solved 48 of 50 tasks',
    '48/50 correct',
    'win rate ٠ 0.7',
    'accuracy ０.９７',
    'accuracy 0,97',
    'accuracy 9.7e-1',
    'accuracy .97',
    { summary: ['fine', 'Loss fell to -0.2!'] },
    'accuracy 1',
  ])('flags %j, which nobody measured', (content) => {
    expect(flagsOf(content)).toEqual(['untrusted']);
  });

  it.each<Json>([
    { accuracy: 0.9312 },
    { accuracy: 0.93 },
    { score: 41 },
    { score: '41' },
    'accuracy 0.931',
    'accuracy of 93 %',
    'accuracy of 93.1%',
    'Elo 1850 by now',
  ])('lets %j pass: it was measured, as far as it is rounded', (content) => {
    expect(flagsOf(content)).toEqual([]);
  });

  it.each<Json>([
    'the sum of 3 and 4 is 7',
    { width: 0.97, height: 12 },
    { generation: 12, note: 'try 40 steps with rate 0.1' },
    { score: { n: 50, epochs: 3 } },
    'Version 2 improves accuracy. There are 0.5 litres left.',
    'accuracy matters; 12 files changed',
    { text: 'no numbers at all', ok: true, none: null },
  ])('finds no claim in %j', (content) => {
    expect(flagsOf(content)).toEqual([]);
  });

  it('never rejects and never rewrites', () => {
    const content = { accuracy: 0.99, text: 'score 7' };
    expect(judge(policy, content)).toMatchObject({ allowed: true, draft: { fields: { content } } });
  });

  it('takes a time that grows with the text, not with its square', () => {
    const texts = ['0.1 '.repeat(50_000), 'score '.repeat(40_000), '1,'.repeat(100_000), `${'9'.repeat(200_000)} of`];
    const fromMs = performance.now();
    for (const text of texts) judge(policy, text);
    expect(performance.now() - fromMs).toBeLessThan(5_000);
  });
});

describe('a plug-in policy', () => {
  const guarded = (policy: ContentPolicy) =>
    createChain([failClosed(createContentCheck([policy]), () => {})]).judge(anOperation('p', 0, anObservation('x')));

  it('refuses when it throws', () => {
    const broken = defineContentPolicy({
      name: 'broken',
      judge() {
        throw new Error('secret details');
      },
    });
    expect(guarded(broken)).toMatchObject({
      allowed: false,
      rule: 'check-failed',
      message: expect.not.stringContaining('details'),
    });
  });

  it('refuses when it rewrites to what is no JSON', () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    const odd = (content: unknown) =>
      defineContentPolicy({ name: 'odd', judge: () => ({ ruling: 'rewrite', content: content as Json }) });
    expect(guarded(odd(loop)).allowed).toBe(false);
    expect(guarded(odd(undefined)).allowed).toBe(false);
    expect(guarded(odd({ fine: 1 }))).toMatchObject({ allowed: true, draft: { fields: { content: { fine: 1 } } } });
  });
});
