import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { factsOf, hill, runCli, scratchDir, startCli } from '../support/example-run.ts';
import { killedAndResumed, resultOf, undisturbed } from './kill-and-resume.ts';

describe('resume', () => {
  it('continues a killed run to the result of an undisturbed one, commits and notes included', async () => {
    const whole = await undisturbed(scratchDir());
    const seed = Math.floor(Math.random() * 2 ** 31);
    const dir = await killedAndResumed(scratchDir(), seed, whole.journalBytes);
    expect(resultOf(dir), `kill seed ${seed}`).toEqual(resultOf(whole.dir));
  }, 120_000);

  it('finishes its round when Ctrl-C reaches the whole process group, and continues from there', async () => {
    const out = scratchDir();
    const dir = join(out, 'hill-solo-1');
    const args = ['run', hill, '--arm', 'solo', '--set', 'budget.generations=12', '--out', out, '--json'];
    const child = startCli(args, { ownGroup: true });
    while (!existsSync(join(dir, 'journal.jsonl')) || factsOf(dir).every((f) => f.type !== 'round.closed'))
      await wait(20);
    process.kill(-child.pid, 'SIGINT');
    const end = await child.ended;
    expect(end.code, end.stderr).toBe(130);
    expect(JSON.parse(end.stdout)).toMatchObject({ status: 'stopped' });
    const types = factsOf(dir).map((f) => f.type);
    expect(types.slice(-3)).toEqual(['round.closed', 'lineage.checkpointed', 'run.ended']);
    const resumed = await runCli(['resume', dir, '--json']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(JSON.parse(resumed.stdout).runs[0].lineages.a.generations).toBe(12);
  }, 120_000);

  it.each([
    ['missing', 'lineage'],
    ['incomplete', 'lineage/.git/packed-refs'],
  ])(
    'writes a lineage repository that is %s (without %s) again from the journal, of a run that has ended too, to the same commits, and says so',
    async (what, removed) => {
      // A busy machine's time limits would be differences of their own.
      const settings = ['--set', 'budget.generations=12', '--set', 'task.wallMs=60000'];
      const args = ['run', hill, '--arm', 'solo', ...settings, '--json'];
      const whole = scratchDir();
      expect((await runCli([...args, '--out', whole])).code).toBe(0);
      const out = scratchDir();
      const dir = join(out, 'hill-solo-1');
      const child = startCli([...args, '--out', out], { ownGroup: true });
      const types = () => (existsSync(join(dir, 'journal.jsonl')) ? factsOf(dir).map(({ type }) => type) : []);
      while (!types().includes('lineage.checkpointed')) await wait(10);
      process.kill(-child.pid, 'SIGINT');
      expect((await child.ended).code).toBe(130);
      const commits = types().filter((type) => type === 'lineage.finished').length;
      rmSync(join(dir, removed), { recursive: true });
      const resumed = await runCli(['resume', dir, '--json']);
      expect(resumed.code, resumed.stderr).toBe(0);
      expect(resumed.stderr).toMatch(new RegExp(`"commits":${commits},"msg":"\\S+lineage was ${what}: written again`));
      const result = resultOf(join(whole, 'hill-solo-1'));
      expect(resultOf(dir)).toEqual(result);
      rmSync(join(dir, removed), { recursive: true });
      const ended = await runCli(['resume', dir, '--json']);
      expect(ended.code, ended.stderr).toBe(0);
      expect(ended.stderr).toMatch(new RegExp(`"commits":26,"msg":"\\S+lineage was ${what}: written again`));
      expect(resultOf(dir)).toEqual(result);
    },
    120_000,
  );

  it('says nothing of the repository where it is whole', async () => {
    const out = scratchDir();
    const child = startCli(['run', hill, '--arm', 'solo', '--out', out, '--json'], { ownGroup: true });
    const dir = join(out, 'hill-solo-1');
    while (!existsSync(join(dir, 'journal.jsonl')) || factsOf(dir).every((f) => f.type !== 'round.closed'))
      await wait(10);
    process.kill(-child.pid, 'SIGINT');
    await child.ended;
    expect((await runCli(['resume', dir, '--json'])).stderr).not.toContain('written again');
  }, 60_000);

  it('writes the commits of a killed run again with the dates they had, when dates come from the wall clock', async () => {
    const out = scratchDir();
    const dir = join(out, 'hill-solo-1');
    const size = ['--set', 'budget.generations=4', '--set', 'clock=wall'];
    const child = startCli(['run', hill, '--arm', 'solo', ...size, '--out', out, '--json']);
    const closed = () =>
      existsSync(join(dir, 'journal.jsonl')) ? factsOf(dir).filter((f) => f.type === 'round.closed').length : 0;
    while (closed() < 2) await wait(10);
    child.kill('SIGKILL');
    await child.ended;
    // Commit dates have whole seconds: the resumed process must not be in the same one.
    await wait(1_100);
    const end = await runCli(['resume', dir, '--json']);
    expect(end.code, end.stderr).toBe(0);
    const { refs, generations } = resultOf(dir);
    expect(generations.length).toBe(10);
    for (const g of generations) expect(refs).toContain(`refs/attempts/${g.lineage}/${g.generation} ${g.commit}`);
  }, 60_000);
});
