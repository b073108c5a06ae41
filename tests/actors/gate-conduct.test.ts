import { describe, expect, it } from 'vitest';
import { changedKind, checkComplacency, checkConstraints, checkSize } from '../../actors/gate/check-conduct.ts';
import { createGate } from '../../actors/gate/create-gate.ts';
import type { EditConduct, GateMemory } from '../../actors/gate/gate-memory.ts';
import { judge } from '../../actors/gate/judge.ts';
import { evidenceOf, gateSettings, scored } from './gate-evidence.ts';
import { genomesOf, tree } from './ports.ts';

const never = new AbortController().signal;
const better = { candidate: scored([2]), best: scored([1]) };

describe('size and growth', () => {
  const size = (bytes: number, files: number, parentBytes: number) => {
    const evidence = evidenceOf({ ...better, changes: { bytes, files } });
    const limits = { maxBytes: 1_000, maxFiles: 3, maxGrowth: 2, alwaysBytes: 100 };
    return checkSize({ ...evidence, parent: { ...evidence.parent, bytes: parentBytes } }, limits);
  };

  it.each([
    ['within all limits', [800, 3, 400], 'pass', '800 bytes, 3 files'],
    ['too many bytes', [1_001, 3, 900], 'refuse', '1001 bytes, 1000 allowed'],
    ['too many files', [800, 4, 400], 'refuse', '4 files, 3 allowed'],
    ['grown too fast', [801, 3, 400], 'refuse', '801 bytes from 400, 800 allowed'],
    ['small enough to grow as it likes', [100, 1, 1], 'pass', '100 bytes, 1 files'],
  ] as const)('%s', (_, [bytes, files, parent], outcome, reason) => {
    expect(size(bytes, files, parent)).toEqual({ name: 'size', outcome, reason });
  });

  it('refuses what would else be promoted, and says so beside the improvement', () => {
    const evidence = evidenceOf({ ...better, changes: { bytes: 9_000 } });
    const result = judge(evidence, gateSettings({ size: { maxBytes: 8_000 } }), null);
    expect(result.verdict).toBe('refused');
    expect(result.checks.map((c) => `${c.name} ${c.outcome}`)).toEqual([
      'validity pass',
      'measured pass',
      'size refuse',
      'improvement pass',
    ]);
  });
});

describe('complacency', () => {
  const told = (answered: number, refused = 0, asked = answered) => ({ asked, answered, refused });
  const edit = (changes: Partial<EditConduct> = {}): EditConduct => ({
    ...{ generation: 1, calls: 4, toolCalls: 3, changed: 'code', tools: { view: told(3) } },
    ...changes,
  });
  const [busy, prose] = [edit(), edit({ changed: 'prose' })];
  const mute = edit({ calls: 0, toolCalls: 0, tools: {} });
  const blocked = edit({ toolCalls: 0, tools: {} });
  const refusing = edit({ tools: { view: told(3, 3) } });
  const untold = edit({ tools: { view: told(0, 0, 3) } });
  const { tools: _, ...unknown } = edit();
  const bash = (refused: number) => edit({ tools: { view: told(2), bash: told(2, refused) } });
  it.each<[string, EditConduct[], string]>([
    ['too few edits to tell', [prose, prose], 'pass'],
    ['prose, prose and nothing', [busy, prose, prose, edit({ changed: 'nothing' })], 'refuse'],
    ['code now and then', [prose, prose, busy], 'pass'],
    ['asked a model before, and nobody since', [busy, mute, mute, mute], 'refuse'],
    ['never asked anybody', [mute, mute, mute, mute], 'pass'],
    ['used tools before, and blocks them now', [busy, blocked, blocked, blocked], 'refuse'],
    ['never used tools', [blocked, blocked, blocked, blocked], 'pass'],
    ['used one once', [busy, blocked, busy, blocked], 'pass'],
    ['refused every call of its model', [refusing, refusing, refusing], 'refuse'],
    ['refused every call, and let one through', [refusing, refusing, refusing, busy, refusing], 'pass'],
    ['refused a tool that worked before', [bash(1), bash(2), bash(2), bash(2)], 'refuse'],
    ['refused a tool that never worked', [bash(2), bash(2), bash(2), bash(2)], 'pass'],
    ['refused a tool only now and then', [bash(0), bash(2), bash(1), bash(2)], 'pass'],
    ['nobody knows what it said to its model', [busy, unknown, unknown, unknown], 'unknown'],
    ['said nothing to its model that could be seen', [busy, untold, untold, untold], 'unknown'],
    ['refused, or nobody knows', [busy, refusing, untold, refusing], 'unknown'],
    ['nobody knows of two, and the third worked', [unknown, unknown, busy], 'pass'],
  ])('%s', (_, edits, outcome) => {
    expect(checkComplacency(edits, { edits: 3 })).toMatchObject({ name: 'complacency', outcome });
  });

  it('tells prose from code by the files that changed', () => {
    const kinds = [
      [],
      ['README'],
      ['docs/idea.md', 'notes.txt'],
      ['readme.md', 'task.mjs'],
      ['notebook.py'],
      ['prompt.md'],
    ];
    expect(kinds.map((files) => changedKind(files))).toEqual(['nothing', 'prose', 'prose', 'code', 'code', 'code']);
  });

  it('is found in a run of edits by what the gate remembers, failed ones too, and remembers no more than it needs', () => {
    const settings = gateSettings({ complacency: { edits: 2 } });
    let memory: unknown = null;
    const verdicts = Array.from({ length: 9 }, (_, i) => {
      const changedFiles = i < 5 ? ['task.mjs'] : ['README.md'];
      const failure = i === 5 ? ({ stage: 'import-check', message: 'x' } as const) : null;
      const changes = { changedFiles, failure, tools: { view: told(1) } };
      const result = judge(evidenceOf({ ...better, memory: memory as never, generation: i, changes }), settings, null);
      memory = result.memory;
      return result.verdict;
    });
    expect(verdicts.slice(3)).toEqual(['promoted', 'promoted', 'failed', 'refused', 'refused', 'refused']);
    expect((memory as GateMemory).edits.map((e) => e.generation)).toEqual([3, 4, 5, 6, 7, 8]);
  });
});

describe('a constraint', () => {
  const rules = [{ files: '\\.mjs$', pattern: '^const maxTries = \\d+;', why: 'tries are limited' }];
  const limited = tree({ 'meta.mjs': '// edits\nconst maxTries = 3;\n', 'notes.txt': 'const maxTries = 3;\n' });

  it.each([
    ['kept', { 'meta.mjs': 'const maxTries = 3;\n' }, 'pass'],
    ['changed within what the rule allows', { 'meta.mjs': 'const maxTries = 99;\n' }, 'pass'],
    ['written away', { 'meta.mjs': '// edits\n' }, 'refuse'],
    ['commented out', { 'meta.mjs': '// const maxTries = 3;\n' }, 'refuse'],
    ['gone with its file', { 'other.mjs': 'const maxTries = 3;\n' }, 'refuse'],
  ])('%s', (_, files, outcome) => {
    expect(checkConstraints(rules, limited, tree(files as Record<string, string>))).toMatchObject({ outcome });
  });

  it('that the parent did not have is not asked of the child', () => {
    expect(checkConstraints(rules, tree({ 'meta.mjs': '' }), tree({})).outcome).toBe('pass');
  });

  it('is looked for by the gate in the files of parent and child, and its reverting refuses the best of scores', async () => {
    const { genomes, ids } = await genomesOf(limited, tree({ 'meta.mjs': '// free\n' }));
    await using gate = createGate({ settings: gateSettings({ constraints: rules }), genomes });
    const evidence = evidenceOf({ ...better, changes: { genome: ids[1]! } });
    const parent = { ...evidence.parent, genome: ids[0]! };
    const refused = await gate.handle({ ...evidence, parent }, never);
    expect(refused).toMatchObject({ verdict: 'refused' });
    expect(refused.checks[2]).toEqual({
      ...{ name: 'constraints', outcome: 'refuse' },
      reason: 'reverted in meta.mjs: tries are limited',
    });
    const kept = { ...evidence, parent, candidate: { ...evidence.candidate, genome: ids[0]! } };
    expect(await gate.handle(kept, never)).toMatchObject({ verdict: 'promoted' });
  });

  it('is unknown without the files, and so never passes', () => {
    const result = judge(evidenceOf(better), gateSettings({ constraints: rules }), null);
    expect([result.verdict, result.checks[2]!.outcome]).toEqual(['refused', 'unknown']);
  });
});

it('remembers nothing when nothing that is configured asks for it', () => {
  for (const settings of [{}, { size: {} }, { constraints: [] }]) {
    expect(judge(evidenceOf(better), gateSettings(settings), null)).not.toHaveProperty('memory');
  }
});
