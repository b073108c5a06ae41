import { expect, it } from 'vitest';
import { defaultPolicy } from '../../../markspace/policy.ts';
import { textFile } from '../../../src/core/file-tree.ts';
import { a, aGenome, openSpace } from '../../markspace/space-fixture.ts';

const parent = aGenome('p');

async function tryToBring(files: Readonly<Record<string, unknown>>, forbiddenTexts: string[] = []) {
  const fixture = await openSpace({ policy: { ...defaultPolicy, forbiddenTexts } });
  const child = new Map([...parent, ...Object.entries(files)]) as typeof parent;
  const collected = await fixture.space.handleFor(a).collect({ generation: 1, parent, child });
  return { collected, denied: fixture.denied(), record: JSON.stringify(fixture.journal.facts) };
}

it.each([
  ['a parent directory', '../b/task.mjs'],
  ['a parent directory inside', 'lib/../../escape'],
  ['an absolute path', '/etc/passwd'],
  ['an empty path', ''],
  ['an empty segment', 'lib//x'],
  ['a dot segment', './task.mjs'],
  ['a trailing slash', 'lib/'],
  ['a NUL byte', 'task.mjs\0.txt'],
  ['a newline', 'a\nb'],
  ['a backslash', '..\\b\\task.mjs'],
  ['a drive letter', 'C:x'],
  ['an alternate stream', 'task.mjs:hidden'],
  ['the git directory', '.git/hooks/post-checkout'],
  ['the git directory in capitals', 'lib/.GIT/config'],
  ['the git directory by its short name', 'GIT~1/config'],
  ['the git directory with a trailing dot', '.git./config'],
  ['the git directory with an invisible character', '.g\u200cit/config'],
  ['right-to-left override', 'task\u202Esjm.js'],
  ['a name that is not in normal form', 'cafe\u0301.mjs'],
  ['a lone surrogate', 'x\ud800'],
  ['a very long path', `${'d/'.repeat(300)}x`],
])('does not bring a file out by %s', async (_what, path) => {
  const { collected, denied } = await tryToBring({ [path]: textFile('x\n') });
  expect(collected).toMatchObject({ allowed: false, rule: 'path' });
  expect(denied).toEqual(['path']);
});

it.each([
  ['case', ['Task.mjs']],
  ['a compatibility letter', ['ｔask.mjs']],
  ['a long s', ['taſk.mjs']],
  ['a file where a directory is', ['lib']],
  ['a directory where a file is', ['task.mjs/x']],
  ['a directory in another case', ['Lib/y.mjs']],
])('does not let one file take the place of another by %s', async (_what, paths) => {
  const { collected } = await tryToBring(Object.fromEntries(paths.map((p) => [p, textFile('x\n')])));
  expect(collected).toMatchObject({ allowed: false, rule: 'path-collision' });
});

it.each(['strategies/b_gen1/task.mjs', 'strategies', 'evals/train.json', 'Evals/train.json', 'ｅvals/selection.json'])(
  'does not let a genome carry its own %s into the next generation',
  async (path) => {
    const { collected } = await tryToBring({ [path]: textFile('{"score":1}\n') });
    expect(collected).toMatchObject({ allowed: false, rule: 'reserved-path' });
  },
);

it.each([
  ['many files', Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, textFile('')])), 'max-files'],
  ['one huge file', { 'big.txt': textFile('x\n'.repeat(200_000)) }, 'max-file-bytes'],
  [
    'many large files',
    Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`f${i}`, textFile('y'.repeat(250_000))])),
    'max-bytes',
  ],
  ['many lines', { 'long.mjs': textFile('x;\n'.repeat(2_001)) }, 'max-growth-lines'],
  [
    'few lines without end',
    Object.fromEntries([0, 1].map((i) => [`one-line-${i}.mjs`, textFile('x'.repeat(205_000))])),
    'max-growth-lines',
  ],
  ['the same lines again and again', { 'copy.mjs': textFile('const a = 1;\n'.repeat(2_500)) }, 'max-growth-lines'],
])('does not let a genome grow without bound by %s', async (_what, files, rule) => {
  expect((await tryToBring(files)).collected).toMatchObject({ allowed: false, rule });
});

it.each([
  ['a link', { target: '/etc/passwd' }],
  ['nothing', null],
  ['a text instead of bytes', { bytes: 'x', isExecutable: false }],
  ['a bit that is neither on nor off', { bytes: new Uint8Array(), isExecutable: 'yes' }],
])('does not take %s for a file', async (_what, entry) => {
  expect((await tryToBring({ x: entry })).collected).toMatchObject({ allowed: false, rule: 'file-type' });
});

const fake = (prefix: string, length: number) => prefix + 'Ab3'.repeat(length).slice(0, length);

it.each([
  ['a private key', `-----BEGIN ${'OPENSSH PRIVATE'} KEY-----\nb3Bl\n`],
  ['a cloud key', fake('AKIA', 16).toUpperCase()],
  ['a repository token', fake('ghp_', 36)],
  ['a model key', fake('sk-proj-', 48)],
])('does not bring %s out, nor write it into the record of the refusal', async (_what, secret) => {
  const { collected, record } = await tryToBring({ 'notes.md': textFile(`remember: ${secret}\n`) });
  expect(collected).toMatchObject({ allowed: false, rule: 'secret' });
  expect(record).not.toContain(secret.slice(0, 20));
});

it("does not bring the run's own secret out in another spelling, nor in a file's name", async () => {
  const secret = 'correct horse/battery+staple?';
  const bytes = Buffer.from(secret);
  const hidings: Record<string, string>[] = [
    { 'a.txt': `key=${secret}` },
    { 'a.txt': bytes.toString('hex') },
    { 'a.txt': bytes.toString('base64') },
    { 'a.txt': Buffer.from(`k:${secret};`).toString('base64') },
    { 'a.txt': Buffer.from(`kk:${secret}`).toString('base64url') },
    { [`${bytes.toString('hex')}.txt`]: 'x' },
  ];
  for (const files of hidings) {
    const asFiles = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, textFile(text)]));
    const { collected, record } = await tryToBring(asFiles, [secret]);
    expect([Object.values(files), collected]).toMatchObject([Object.values(files), { allowed: false, rule: 'secret' }]);
    expect(record).not.toContain(bytes.toString('hex'));
  }
});

it('does not let a native program through as a text file', async () => {
  const elf = { bytes: new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), isExecutable: false };
  expect((await tryToBring({ 'task.txt': elf })).collected).toMatchObject({ allowed: false, rule: 'file-type' });
});
