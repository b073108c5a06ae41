import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { Generation } from '../../src/core/records.ts';
import { loadExperiment } from '../../src/runtime/experiment-file.ts';
import { factsOf, repository, runCli, scratchDir } from '../support/example-run.ts';
import { itNeeds } from '../support/require-service.ts';

const it = itNeeds('python3', spawnSync('python3', ['--version']).status === 0 ? null : 'it is not installed');
const packing = join(repository, 'experiments', 'packing');
const small = [
  ...['--arm', 'paired', '--seed', '1', '--set', 'budget.generations=2', '--set', 'niche.params.circles=7'],
  ...['--sandbox', 'process', '--json'],
];

function generationsOf(dir: string): Generation[] {
  return factsOf(dir).flatMap(({ type, body }) => {
    const generation = type === 'lineage.finished' ? (body as { generation: Generation | null }).generation : null;
    return generation === null ? [] : [generation];
  });
}

const git = (dir: string, ...args: string[]) =>
  execFileSync('git', ['-C', join(dir, 'lineage'), ...args], { encoding: 'utf8' });

describe('packing in Python', () => {
  it('differs from packing in its seed, its time limit and its size alone', () => {
    const { config: python } = loadExperiment(join(packing, 'python.yaml'));
    const { config: javascript } = loadExperiment(packing);
    const { name, question, seed, task, arms, budget, ...rest } = python;
    expect({ name, seed, question }).toMatchObject({ name: 'packing-python', seed: 'seed-python' });
    expect(javascript).toMatchObject(rest);
  });

  it('runs, beside a lineage in JavaScript too, to the same commits each time', async () => {
    const dir = scratchDir();
    const file = join(dir, 'mixed.yaml');
    const python = readFileSync(join(packing, 'python.yaml'), 'utf8');
    const mixed = python
      .replace('name: packing-python', 'name: mixed')
      .replace('seed: seed-python', `seed: ${join(packing, 'seed-python')}`)
      .replace('"mutator:structural" }', `"mutator:structural", seed: "${join(packing, 'seed')}" }`);
    writeFileSync(file, mixed);
    const outs = [join(dir, 'once'), join(dir, 'again')];
    for (const out of outs) {
      const end = await runCli(['run', file, ...small, '--out', out]);
      expect(end.code, end.stderr).toBe(0);
    }
    const [once, again] = outs.map((out) => join(out, 'mixed-paired-1')) as [string, string];
    expect(git(again, 'for-each-ref')).toBe(git(once, 'for-each-ref'));

    const generations = generationsOf(once);
    expect(generations.map((g) => `${g.lineage} ${g.generation}`).sort()).toEqual(
      ['numeric', 'structural'].flatMap((lineage) => [0, 1, 2].map((n) => `${lineage} ${n}`)),
    );
    for (const { lineage, generation, commit, failure, selection, changedFiles } of generations) {
      const [own, other] = lineage === 'numeric' ? ['py', 'mjs'] : ['mjs', 'py'];
      const files = git(once, 'ls-tree', '-r', '--name-only', commit).trim().split('\n');
      expect(files).toEqual(expect.arrayContaining([`pack.${own}`, `meta.${own}`, 'genome.json']));
      expect(files.filter((name) => name.endsWith(other!) || name.includes('__pycache__'))).toEqual([]);
      if (generation === 0) expect(selection).toMatchObject({ status: 'measured' });
      else expect({ failure, changedFiles }).toEqual({ failure: null, changedFiles: [`pack.${own}`] });
    }
  }, 120_000);
});
