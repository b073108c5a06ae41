import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import type { Generation } from '../../src/index.ts';
import { bash, create, drop, type Step, sharedRun, stand, view } from './shared-run.ts';

/** Runs take longer than one test may. */
vi.setConfig({ hookTimeout: 240_000 });

/** Code of which no six tokens in a row are anybody else's. */
const code = (name: string) =>
  Array.from({ length: 12 }, (_, i) => `export const ${name}_${i} = (${name}X) => ${name}Base[${i}] * ${name}X;`).join(
    '\n',
  );
const phrase = 'const sum = list.reduce((a, b) => a + b, 0);';
const method = `${code('method')}\n${phrase}\n`;
const unread = `${code('unread')}\n`;
const twin = `${code('twin')}\n`;
/** Of its own, but for the phrase. */
const cousin = `${code('cousin')}\n${phrase}\n`;
/** The same again in words of its own: no run of six tokens of it is the peer's, and no line. */
const paraphrase = `${Array.from({ length: 12 }, (_, k) => `function scaled_${k}(q) { const w = table.at(${k}); return ${k * 7} + q * w; }`).join('\n')}\n`;

const peer = 'strategies/giver_gen1';
const note = create('note.txt', 'seen\n');
const scripts = {
  giver: {
    1: [
      ...[create('method.mjs', method), create('unread.mjs', unread), create('helper.mjs', twin)],
      ...[create('cousin.mjs', cousin), stand(50)],
    ],
  },
  viewer: { 2: [view(`${peer}/method.mjs`), note] },
  reader: { 2: [bash(`cat ${peer}/method.mjs`), note] },
  taster: { 2: [bash(`head -n 6 ${peer}/method.mjs`), note] },
  copier: {},
  changer: { 2: [view(`${peer}/method.mjs`), create('own.mjs', paraphrase)] },
  hider: { 2: [bash(`base64 ${peer}/method.mjs`), note] },
  keeper: { 1: [create('helper.mjs', twin), stand(10)], 2: [view('helper.mjs'), bash('cat helper.mjs'), note] },
  returner: {
    1: [create('helper.mjs', twin), stand(1)],
    2: [drop('helper.mjs'), stand(2)],
    3: [create('helper.mjs', twin), stand(3)],
  },
  lister: { 2: [bash('ls -R strategies; wc -c strategies/*/*'), note] },
  idle: {},
} satisfies Record<string, Record<number, readonly Step[]>>;

/** A meta-agent that takes a peer's file with its own hands and asks no model. */
const copying = `import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (existsSync('${peer}/method.mjs')) copyFileSync('${peer}/method.mjs', 'mine.mjs');
  writeFileSync('note.txt', 'copied');
  console.log('{}');
}
`;

let dir: string;
let generations: Generation[];
let trailers: Map<string, string[]>;
const at = (lineage: keyof typeof scripts, generation = 2) =>
  generations.find((g) => g.lineage === lineage && g.generation === generation)!;
const sharesOf = (lineage: keyof typeof scripts, generation = 2) =>
  at(lineage, generation).reads.map(
    ({ peer: from, generation: of, path, shareInModel, shareInTree }): [string, number, number] => [
      `${from} g${of} ${path}`,
      shareInModel,
      shareInTree,
    ],
  );
const trailersOf = (lineage: keyof typeof scripts, generation = 2) => trailers.get(`${lineage}/${generation}`);
const theRead = () => [`giver@${at('giver', 1).commit}`];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'gal-test-'));
  const { usable } = await createBubblewrapProvider().probe();
  const sandbox = usable ? 'bubblewrap' : 'process';
  const { record, log } = await sharedRun({
    dir,
    scripts,
    rounds: 3,
    sandbox,
    seeds: { copier: { 'meta.mjs': copying } },
  });
  generations = record.lineages.flatMap((lineage) => [...lineage.generations]);
  trailers = new Map(
    log.map((entry) => [
      `${entry.lineage}/${entry.generation}`,
      entry.trailers.filter(([key]) => key === 'Read').map(([, value]) => value),
    ]),
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('what reached a generation is in its reads and in the Read trailers of its commit', () => {
  it('when a tool showed a file to the model', () => {
    expect(sharesOf('viewer')).toEqual([['giver g1 method.mjs', 1, 0]]);
    expect(at('viewer').reads[0]!.commit).toBe(at('giver', 1).commit);
    expect(trailersOf('viewer')).toEqual(theRead());
  });

  it('when a shell printed it', () => {
    expect(sharesOf('reader')).toEqual([['giver g1 method.mjs', 1, 0]]);
    expect(trailersOf('reader')).toEqual(theRead());
  });

  it('when a part of it was printed, with the share that was', () => {
    const [what, model, tree] = sharesOf('taster')[0]!;
    expect([what, tree]).toEqual(['giver g1 method.mjs', 0]);
    expect(model).toBeGreaterThan(0.35);
    expect(model).toBeLessThan(0.65);
    expect(trailersOf('taster')).toEqual(theRead());
  });

  it('when it was copied by code, without any model call', () => {
    expect(at('copier').usage.calls).toBe(0);
    expect(sharesOf('copier')).toEqual([['giver g1 method.mjs', 0, 1]]);
    expect(trailersOf('copier')).toEqual(theRead());
    expect(at('copier').adoption).toMatchObject({ from: { lineage: 'giver', generation: 1 }, lines: 13 });
  });
});

describe('what did not reach it is not', () => {
  it('such as a file that was mounted and never read, beside one that was', () => {
    for (const reader of ['viewer', 'reader', 'taster', 'copier', 'changer'] as const) {
      expect(JSON.stringify(sharesOf(reader))).not.toContain('unread.mjs');
    }
    expect([sharesOf('idle'), trailersOf('idle')]).toEqual([[], []]);
  });

  it('such as names and sizes of files', () => {
    expect([sharesOf('lister'), trailersOf('lister')]).toEqual([[], []]);
  });

  it("such as a decoy: the lineage's own file, of which a peer has the like", () => {
    expect([sharesOf('keeper'), trailersOf('keeper')]).toEqual([[], []]);
  });
});

describe('what proves nothing is left out', () => {
  it('such as a phrase that a file that was read shares with one that was never opened', () => {
    for (const reader of ['viewer', 'copier'] as const)
      expect(JSON.stringify(sharesOf(reader))).not.toContain('cousin.mjs');
  });

  it('such as text of an ancestor before the parent, brought back from memory, of which a peer has the like', () => {
    expect([sharesOf('returner', 3), trailersOf('returner', 3)]).toEqual([[], []]);
    expect(at('returner', 3).adoption).toBeNull();
  });
});

describe('what fingerprints cannot tell', () => {
  it('a paraphrase counts as read, for the model saw the original, and as nothing that was taken', () => {
    expect(sharesOf('changer')).toEqual([['giver g1 method.mjs', 1, 0]]);
    expect(trailersOf('changer')).toEqual(theRead());
    expect(at('changer').adoption).toBeNull();
  });

  it('a file that was encoded before the model saw it leaves no trace', () => {
    expect([sharesOf('hider'), trailersOf('hider')]).toEqual([[], []]);
  });
});
