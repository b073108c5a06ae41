import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import type { Generation } from '../../src/core/records.ts';
import { factsOf, hill, repository, runCli, scratchDir, startCli } from '../support/example-run.ts';
import { itNeeds } from '../support/require-service.ts';
import { resultOf } from './kill-and-resume.ts';

/** A copy of the hill experiment with some files replaced; it finds the package as a user's own would. */
function hillWith(files: Readonly<Record<string, string>> = {}): string {
  // Inside the repository, so that `galapagos` resolves.
  const dir = join(repository, 'results', 'runs', `.test-${process.pid}-${Math.random().toString(36).slice(2)}`);
  cpSync(hill, dir, { recursive: true });
  created.push(dir);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}
const bubblewrap = await createBubblewrapProvider().probe();
const created: string[] = [];
process.on('exit', () => {
  for (const dir of created) rmSync(dir, { recursive: true, force: true });
});

const edit = (path: string, from: string | RegExp, to: string) => ({
  [path]: readFileSync(join(hill, path), 'utf8').replace(from, to),
});
const solo = ['--arm', 'solo', '--set', 'budget.generations=1'];

async function generationsOf(
  experiment: string,
  ...more: string[]
): Promise<{ code: number | null; stderr: string; generations: Generation[] }> {
  const out = scratchDir();
  const end = await runCli(['run', experiment, ...solo, '--out', out, '--json', ...more]);
  const dir = join(out, 'hill-solo-1');
  const generations = existsSync(join(dir, 'journal.jsonl'))
    ? factsOf(dir)
        .flatMap((f) =>
          f.type === 'lineage.finished' ? [(f.body as { generation: Generation | null }).generation ?? []] : [],
        )
        .flat()
    : [];
  return { code: end.code, stderr: end.stderr, generations };
}

/** A genome whose task agent misbehaves from generation 1 on: the seed is sound, its meta-agent breaks the child. */
function turnsBad(task: string): string {
  const meta = `import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync('task.mjs', ${JSON.stringify(task)});
  console.log('{}');
}
`;
  return hillWith({
    'seed/meta.mjs': meta,
    ...edit('experiment.yaml', 'seed: seed', 'seed: seed\ntask: { wallMs: 1500 }'),
  });
}

describe('bad input', () => {
  it('names file, line and the nearest key when a key is misspelt', async () => {
    const end = await runCli(['run', hillWith(edit('experiment.yaml', 'budget:', 'bugdet:'))]);
    expect(end.code).toBe(3);
    expect(end.stderr).toMatch(/experiment\.yaml:\d+:\d+ bugdet: unknown key; did you mean "budget"\?/);
  });

  it('says which seed folder is missing, before anything is made', async () => {
    const out = scratchDir();
    const end = await runCli(['run', hillWith(edit('experiment.yaml', 'seed: seed', 'seed: seedling')), '--out', out]);
    expect(end.code).toBe(3);
    expect(end.stderr).toMatch(/seed folder .*seedling does not exist/);
    expect(existsSync(join(out, 'hill'))).toBe(false);
  });

  it('stops with the niche and its error when the niche throws on the seed', async () => {
    const { code, stderr } = await generationsOf(
      hillWith(edit('niche.ts', 'const x =', "throw new Error('no probe');\n      const x =")),
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/niche hill threw: no probe/);
  });

  it('records a failed evaluation, not a zero, when the niche throws on a child', async () => {
    const { code, generations } = await generationsOf(
      hillWith(
        edit(
          'niche.ts',
          "return { status: 'measured'",
          "if (x !== 0) throw new Error('lost');\n      return { status: 'measured'",
        ),
      ),
    );
    expect(code).toBe(0);
    const children = generations.filter((g) => g.generation === 1);
    expect(children.length).toBe(2);
    for (const g of children) {
      expect(g.verdict).toBe('failed');
      expect(g.train).toMatchObject({ status: 'failed', reason: 'niche-error' });
      expect(g.train).not.toHaveProperty('score');
    }
  });

  it('stops when no sandbox can be had any more, says why, and continues from there to the same result', async () => {
    const experiment = hillWith(
      edit(
        'sandbox.ts',
        'open: (spec, signal) => inner.open(spec, signal),',
        `open: (spec, signal) => {
        opened += 1;
        if (opened > 12 && existsSync(import.meta.dirname + '/outage')) {
          asked += 1;
          throw new GalapagosError('SANDBOX_UNAVAILABLE', false, 'the engine is silent, asked ' + asked);
        }
        return inner.open(spec, signal);
      },`,
      ),
    );
    const plugin = join(experiment, 'sandbox.ts');
    const imports = "import { existsSync } from 'node:fs';\nimport { GalapagosError } from 'galapagos';\n";
    writeFileSync(plugin, `${imports}let opened = 0;\nlet asked = 0;\n${readFileSync(plugin, 'utf8')}`);
    writeFileSync(join(experiment, 'outage'), '');
    const sized = ['--arm', 'solo', '--set', 'budget.generations=4', '--json'];
    const out = scratchDir();
    const end = await runCli(['run', experiment, ...sized, '--out', out]);
    expect(end.code).toBe(1);
    const asked = Number(/the engine is silent, asked (\d+)/.exec(end.stderr)?.[1]);
    // Each of the two lineages has asked for what it needed once; nobody has tried for ever.
    expect(asked).toBeLessThanOrEqual(8);
    rmSync(join(experiment, 'outage'));
    const resumed = await runCli(['resume', join(out, 'hill-solo-1'), '--json']);
    expect(resumed.code, resumed.stderr).toBe(0);
    const other = scratchDir();
    expect((await runCli(['run', experiment, ...sized, '--out', other])).code).toBe(0);
    expect(resultOf(join(out, 'hill-solo-1'))).toEqual(resultOf(join(other, 'hill-solo-1')));
  }, 120_000);

  it.each([
    ['loops for ever', 'for (;;);', 'timeout'],
    ['floods its output', "const line = 'x'.repeat(65536); for (;;) process.stdout.write(line);", /limit|timeout/],
    ['prints a fake score', 'console.log(\'{"score": 1e9, "status": "measured"}\');', 'no-answer'],
    ['prints nothing', '', 'no-answer'],
    ['prints NaN', 'console.log(\'{"x": NaN}\');', 'no-answer'],
    ['crashes', "throw new Error('broken');", 'crash'],
  ])(
    'records a failed generation when a candidate %s',
    async (_, task, reason) => {
      // Import checks load the file, so misbehaviour waits for the real run.
      const guarded = `if (process.argv[1]?.endsWith('task.mjs')) {\n${task}\n}\n`;
      const { code, generations, stderr } = await generationsOf(turnsBad(guarded));
      expect(code, stderr).toBe(0);
      const children = generations.filter((g) => g.generation === 1);
      expect(children.length).toBe(2);
      for (const g of children) {
        expect(g.verdict).toBe('failed');
        expect(g.train?.status).toBe('failed');
        if (g.train?.status === 'failed') expect(g.train.reason).toMatch(reason);
      }
    },
    60_000,
  );

  itNeeds('bubblewrap', bubblewrap.usable ? null : bubblewrap.why)(
    'records a failed generation when a candidate forks without end, and leaves none of its processes behind',
    async () => {
      const mark = `3${process.pid}`;
      const forks = `import { spawn } from 'node:child_process';
if (process.argv[1]?.endsWith('task.mjs')) for (let i = 0; i < 400; i += 1) spawn('sleep', ['${mark}'], { detached: true, stdio: 'ignore' });
`;
      const { code, generations, stderr } = await generationsOf(turnsBad(forks), '--sandbox', 'bubblewrap');
      expect(code, stderr).toBe(0);
      const verdicts = generations.filter((g) => g.generation === 1).map((g) => [g.verdict, g.train?.status]);
      expect(verdicts).toEqual([
        ['failed', 'failed'],
        ['failed', 'failed'],
      ]);
      const left = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line === `sleep ${mark}`);
      expect(left).toEqual([]);
    },
    60_000,
  );

  it('refuses an unwritable results folder before anything is run', async () => {
    const file = join(scratchDir(), 'file');
    writeFileSync(file, '');
    const end = await runCli(['run', hill, '--out', join(file, 'runs')]);
    expect(end.code).toBe(1);
    expect(end.stderr).toMatch(/cannot create the run directory/);
  });

  it('refuses a run folder of another format, naming both', async () => {
    const dir = join(scratchDir(), 'old');
    mkdirSync(dir);
    writeFileSync(join(dir, 'config.json'), '{"format": 99, "version": "9.0.0"}');
    const end = await runCli(['resume', dir]);
    expect(end.code).toBe(3);
    expect(end.stderr).toMatch(/run format 99 \(galapagos 9\.0\.0\); this version reads format 1/);
  });

  it('lets only one process work on a run', async () => {
    const out = scratchDir();
    const dir = join(out, 'hill-solo-1');
    const first = startCli(['run', hill, '--arm', 'solo', '--set', 'budget.generations=6', '--out', out, '--json']);
    while (!existsSync(join(dir, 'lock'))) await new Promise((done) => setTimeout(done, 10));
    const second = await runCli(['resume', dir]);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(new RegExp(`process ${first.pid} is working on`));
    first.kill('SIGKILL');
    await first.ended;
    const third = await runCli(['resume', dir, '--json']);
    expect(third.code, third.stderr).toBe(0);
  }, 60_000);

  it('refuses to run code of an untrusted model where nothing isolates it', async () => {
    const untrusted = edit('model.ts', 'isTrusted: true', 'isTrusted: false');
    const end = await runCli(['run', hillWith(untrusted), ...solo, '--out', scratchDir()]);
    expect(end.code).toBe(4);
    expect(end.stderr).toMatch(/sandbox plain does not isolate, and walker may write any code/);
  });

  it('stops a lineage when its budget is used up, and keeps what was paid for', async () => {
    const { code, generations } = await generationsOf(
      hillWith(),
      '--set',
      'budget.generations=5',
      '--set',
      'lineageBudget.evaluations=6',
    );
    expect(code).toBe(0);
    const measured = generations.flatMap((g) => [...(g.train?.items ?? []), ...(g.selection?.items ?? [])]);
    expect(measured.length).toBe(12);
    expect(Math.max(...generations.map((g) => g.generation))).toBeLessThanOrEqual(3);
  });

  it('names the rule that a plugged-in actor breaks', async () => {
    const lenient = edit('gate.ts', "verdict: 'failed',", "verdict: 'promoted',");
    const experiment = hillWith({
      ...lenient,
      ...edit(
        'niche.ts',
        "return { status: 'measured'",
        "if (x !== 0) return { status: 'failed', reason: 'infeasible', message: 'no' };\n      return { status: 'measured'",
      ),
    });
    const { code, stderr } = await generationsOf(experiment);
    expect(code).toBe(1);
    expect(stderr).toMatch(/actor margin-gate broke rule gate\/1/);
  });
});
