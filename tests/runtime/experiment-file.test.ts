import { mkdir, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadExperiment, packageRoot } from '../../src/runtime/experiment-file.ts';
import { scratch } from './scratch.ts';

const minimal = `name: demo
niche: circle-packing
lineages:
  a: { model: "mutator:numeric" }
arms: [solo]
budget: { generations: 2 }
`;

async function file(text: string): Promise<string> {
  const path = join(await scratch(), 'experiment.yaml');
  await writeFile(path, text);
  return path;
}

function messageOf(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('where an experiment is found', () => {
  it('at a path, file or directory', async () => {
    const path = await file(minimal);
    const dir = join(path, '..');
    for (const given of [path, dir]) {
      const loaded = loadExperiment(given);
      expect(loaded).toMatchObject({ file: path, dir, config: { name: 'demo', seeds: [1], selection: 'best' } });
      expect(Object.isFrozen(loaded.config)).toBe(true);
    }
  });

  it('by name among the shipped ones, from anywhere', async () => {
    const elsewhere = await scratch();
    vi.spyOn(process, 'cwd').mockReturnValue(elsewhere);
    onTestFinished(() => void vi.restoreAllMocks());
    const { file: shipped, config } = loadExperiment('packing');
    expect(shipped).toBe(join(packageRoot(), 'experiments', 'packing', 'experiment.yaml'));
    expect(isAbsolute(shipped)).toBe(true);
    expect(config.name).toBe('packing');
  });

  it('by name in the current directory first', async () => {
    const here = await scratch();
    await mkdir(join(here, 'experiments', 'packing'), { recursive: true });
    await writeFile(join(here, 'experiments', 'packing', 'experiment.yaml'), minimal);
    vi.spyOn(process, 'cwd').mockReturnValue(here);
    onTestFinished(() => void vi.restoreAllMocks());
    expect(loadExperiment('packing').config.name).toBe('demo');
  });

  it('or not at all, saying where it was looked for', async () => {
    const message = messageOf(() => loadExperiment('no-such-thing'));
    expect(message).toContain('no experiment "no-such-thing"');
    expect(message).toContain(join('experiments', 'no-such-thing'));
    const empty = await scratch();
    expect(messageOf(() => loadExperiment(empty))).toContain('no experiment');
  });
});

describe('what is wrong with a file', () => {
  it('is said with file, line and column of every problem', async () => {
    const path = await file(minimal.replace('generations: 2', 'generations: 0').replace('[solo]', '[lonely]'));
    const message = messageOf(() => loadExperiment(path));
    expect(message).toContain(`${path}:6:11 budget.generations`);
    expect(message).toContain(`${path}:5:1 arms.0`);
  });

  it('is said with the nearest known key', async () => {
    const path = await file(`${minimal}sandbx: { memoryMib: 100 }\n`);
    expect(messageOf(() => loadExperiment(path))).toContain(`${path}:7:1 sandbx: unknown key; did you mean "sandbox"?`);
    const deep = await file(`${minimal}sandbox: { memoryMib: 100 }\n`);
    expect(messageOf(() => loadExperiment(deep))).toContain(
      `:7:12 sandbox.memoryMib: unknown key; did you mean "memoryMiB"?`,
    );
  });

  it.each([
    ['is not YAML', 'a: [1'],
    ['has a key twice', `${minimal}name: again\n`],
    ['has an alias without an anchor', `${minimal}question: *nothing\n`],
    ['multiplies its aliases beyond reason', `${bomb()}${minimal}`],
    ['is empty', ''],
    ['is a text', 'hello'],
    ['is a list', '- 1'],
    ['is nothing', 'null'],
  ])('is said when it %s', async (_, text) => {
    const path = await file(text);
    expect(messageOf(() => loadExperiment(path))).not.toBe('');
    expect(messageOf(() => loadExperiment(path, ['budget.generations=3']))).not.toBe('');
  });
});

/** Eight levels of ten aliases each: a hundred million values. */
function bomb(): string {
  const level = (n: number) =>
    `x${n}: &x${n} [${Array(10)
      .fill(n === 0 ? '1' : `*x${n - 1}`)
      .join(', ')}]\n`;
  return Array.from({ length: 8 }, (_, n) => level(n)).join('');
}

describe('--set', () => {
  it('changes values at any depth, adds keys, and reads values as YAML', async () => {
    const path = await file(minimal);
    const { config } = loadExperiment(path, [
      'budget.generations=6',
      'seeds=[3, 4]',
      'task.wallMs=5000',
      'seeds.0=9',
      'question=why = not',
      'visibility.train=false',
    ]);
    expect(config).toMatchObject({
      budget: { generations: 6 },
      seeds: [9, 4],
      task: { wallMs: 5_000, maxCalls: 40 },
      question: 'why = not',
      visibility: { train: false },
    });
  });

  it.each([
    ['budget', 'write path=value'],
    ['=5', 'write path=value'],
    ['name.x=1', 'name holds a value, not keys'],
    ['budget..x=1', '"" is not a key'],
    ['budget.generations=[', 'the value is not valid YAML'],
    ['budget.generation=3', 'did you mean "generations"?'],
    ['budget.generations=many', 'budget.generations'],
  ])('refuses %s', async (override, message) => {
    const path = await file(minimal);
    expect(messageOf(() => loadExperiment(path, [override]))).toContain(message);
  });

  it.each([
    '__proto__.polluted',
    'constructor.prototype.polluted',
    'budget.__proto__',
    'budget.__proto__.polluted',
    'prototype',
  ])('reaches no prototype through %s', async (key) => {
    const path = await file(minimal);
    expect(messageOf(() => loadExperiment(path, [`${key}={ polluted: 1 }`]))).toContain('is not a key');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('a file reaches no prototype either', async () => {
    const path = await file(`${minimal}__proto__: { polluted: 1 }\n`);
    expect(messageOf(() => loadExperiment(path))).toContain('__proto__');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
