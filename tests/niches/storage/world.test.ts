import { describe, expect } from 'vitest';
import { createBubblewrapProvider } from '../../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import type { Sandbox, SandboxProvider } from '../../../sandboxes/sandbox.ts';
import { SandboxUnavailableError } from '../../../src/core/errors.ts';
import { randomStream } from '../../../src/core/random.ts';
import { familyNames } from '../../../src/niches/storage/families.ts';
import { plannedFiles } from '../../../src/niches/storage/listing.ts';
import { observe } from '../../../src/niches/storage/observation.ts';
import { pagesOf, planWorld, type WorldPlan } from '../../../src/niches/storage/plan.ts';
import { live, newborn } from '../../../src/niches/storage/play.ts';
import { randomPolicy } from '../../../src/niches/storage/policies.ts';
import { hostForTest, itNeedsVolumes, openerOf } from './hosts.ts';

const quote = (path: string) => `'${path.replaceAll("'", `'\\''`)}'`;

/** The first planned file of the first seed that has one. */
function find(wanted: (file: WorldPlan['files'][number], plan: WorldPlan) => boolean, difficulty = 0.3) {
  for (let seed = 0; seed < 200; seed += 1) {
    const plan = planWorld({ family: 'web', seed, difficulty });
    const file = plan.files.find((candidate) => wanted(candidate, plan));
    if (file !== undefined) return { plan, file };
  }
  throw new Error('no seed has such a file');
}

const isOpen = (path: string, plan: WorldPlan) =>
  plan.directories.find(
    (directory) => path.startsWith(`${directory.path}/`) && !path.slice(directory.path.length + 1).includes('/'),
  )?.mode === 0o755;
const isPlain = (path: string, plan: WorldPlan) => !plan.links.some(({ target }) => target === path);

describe('a standing world', () => {
  itNeedsVolumes('looks as planned, to the byte of free space', async () => {
    const host = await hostForTest();
    for (const family of familyNames) {
      for (const seed of [1, 2, 3]) {
        const plan = planWorld({ family, seed });
        await host.begin(plan);
        expect(host.listed()).toEqual(plannedFiles(plan));
        expect(observe(host, [])).toEqual(newborn(plan).observation);
        const used = plan.files.reduce((sum, { content, size }) => sum + (content === null ? 0 : pagesOf(size)), 0);
        expect(host.account.birthBytes).toBe(plan.capacityBytes - used);
      }
    }
  });

  itNeedsVolumes('is the same for a command as for the host: bytes, modes, names, second names', async () => {
    const host = await hostForTest();
    const plan = planWorld({ family: 'mail', seed: 5 });
    await host.begin(plan);
    const sizes = plan.files.map(({ path, size, mode }) => {
      return `[ "$(stat -c '%s %a' -- ${quote(path)})" = '${size} ${mode.toString(8)}' ] || echo ${quote(path)}`;
    });
    const names = plan.links.map(
      ({ path, target }) => `[ ${quote(path)} -ef ${quote(target)} ] || echo ${quote(path)}`,
    );
    const script = [...sizes, ...names].join('\n');
    expect(await host.act(`[ -z "$(${script})" ]`)).toMatchObject({ exitCode: 0, deltaBytes: 0 });
    // The same script notices one that is not as planned.
    const [{ path }] = plan.files as [WorldPlan['files'][number]];
    expect(await host.act(`chmod u+w ${quote(path)}; echo >> ${quote(path)}; [ -z "$(${script})" ]`)).toMatchObject({
      exitCode: 1,
    });
  });

  itNeedsVolumes('gives back what a deleted file took, page for page, and leaves its own growth out', async () => {
    const { plan, file } = find(
      (f, p) => !f.isHeld && !f.isVital && f.content !== null && isOpen(f.path, p) && isPlain(f.path, p),
    );
    const host = await hostForTest();
    await host.begin(plan);
    const step = await host.act(`rm -f -- ${quote(file.path)}`);
    expect(step).toMatchObject({
      result: 'ok',
      deltaBytes: pagesOf(file.size),
      gainBytes: pagesOf(file.size),
      damage: null,
    });
    expect(host.account).toMatchObject({ freedBytes: pagesOf(file.size), commands: 1 });
    expect(host.account.grownBytes).toBeGreaterThan(0);
    const next = await host.act('true');
    expect(next).toMatchObject({ deltaBytes: 0, gainBytes: 0 });
  });

  itNeedsVolumes('keeps books that balance, whatever is done in it', async () => {
    const host = await hostForTest({ commands: 12 });
    for (let seed = 20; seed < 26; seed += 1) {
      const plan = planWorld({ family: seed % 2 === 0 ? 'web' : 'mail', seed, difficulty: 0.3 });
      const { moments } = await live(host, plan, randomPolicy, randomStream(seed, 'books'));
      const { birthBytes, freedBytes, mostFreedBytes, grownBytes } = host.account;
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      expect(sum(moments.map(({ step }) => step.deltaBytes))).toBe(freedBytes);
      expect(sum(moments.map(({ step }) => step.gainBytes))).toBe(mostFreedBytes);
      expect(mostFreedBytes).toBeGreaterThanOrEqual(Math.max(0, freedBytes));
      if (host.ending === 'broken') continue;
      const growthStillThere = birthBytes + freedBytes - host.freeShare * plan.capacityBytes;
      expect(growthStillThere).toBeGreaterThanOrEqual(0);
      expect(growthStillThere).toBeLessThanOrEqual(grownBytes);
      expect(grownBytes).toBe(moments.length * plan.growthBytes);
    }
  });

  itNeedsVolumes('keeps the space of a held file until it is truncated', async () => {
    const { plan, file } = find((f, p) => f.isHeld && f.mode === 0o644 && isOpen(f.path, p) && f.path !== p.ownLog);
    const host = await hostForTest();
    await host.begin(plan);
    expect(await host.act(`rm -f -- ${quote(file.path)}`)).toMatchObject({ exitCode: 0, deltaBytes: 0 });
    await host.begin(plan);
    expect(await host.act(`truncate -s 0 -- ${quote(file.path)}`)).toMatchObject({ deltaBytes: pagesOf(file.size) });
  });

  itNeedsVolumes('ends when it is out of budget, exhausted or broken, and is not acted in any more', async () => {
    const host = await hostForTest({ commands: 2 });
    const plan = planWorld({ family: 'web', seed: 4 });
    await host.begin(plan);
    expect((await host.act('true')).ending).toBeNull();
    expect((await host.act('true')).ending).toBe('out-of-budget');
    await expect(host.act('true')).rejects.toThrow(/out-of-budget: begin another/);
    await host.begin(plan);
    const vital = plan.files.filter(({ isVital }) => isVital).map(({ path }) => `! -path ${quote(path)}`);
    const all = `chmod -R u+w /workspace/[!u]* /tmp; find /workspace /tmp -type f ${vital.join(' ')} -exec truncate -s 0 {} +; true`;
    expect(await host.act(all)).toMatchObject({ ending: 'exhausted', damage: null });
    await host.begin(plan);
    expect(await host.act('rm -f /workspace/srv/db/shop.db')).toMatchObject({
      ending: 'broken',
      damage: '/workspace/srv/db/shop.db is gone',
      deltaBytes: -host.account.birthBytes,
      gainBytes: 0,
    });
  });

  itNeedsVolumes('is broken by a disk so full that its service cannot write', async () => {
    const host = await hostForTest();
    await host.begin(planWorld({ family: 'web', seed: 4 }));
    const step = await host.act('cat /dev/zero > /tmp/fill');
    expect(step).toMatchObject({ result: 'full', ending: 'broken', gainBytes: 0 });
    expect(step.damage).toMatch(/cannot write its log/);
  });

  itNeedsVolumes('can be copied as it stands: books, held files without a name, holes and links included', async () => {
    const host = await hostForTest();
    const { plan, file } = find((f, p) => f.isHeld && isOpen(f.path, p) && p.links.length > 0 && f.path !== p.ownLog);
    await host.begin(plan);
    await host.act(
      `rm -f -- ${quote(file.path)}; rm -f ${plan.ownLog}; truncate -s 300000 /tmp/hole; printf x > /tmp/part; truncate -s 90000 /tmp/part; printf y >> /tmp/part; ln -s /etc/passwd /tmp/link`,
    );
    const [account, listed, free] = [host.account, host.listed(), host.freeShare];
    const state = await host.state();
    for (let copy = 0; copy < 2; copy += 1) {
      await host.begin(state);
      expect([host.account, host.listed(), host.freeShare]).toEqual([account, listed, free]);
      expect(await host.act('true')).toMatchObject({ deltaBytes: 0 });
      expect(host.account.grownBytes).toBe(2 * plan.growthBytes);
      expect(await host.act('[ -L /tmp/link ] && rm -rf /tmp/*')).toMatchObject({ exitCode: 0 });
    }
  });

  itNeedsVolumes('is lost, and no zero, when the sandbox fails; the next one stands in a new sandbox', async () => {
    const inner = createBubblewrapProvider();
    const opened: Sandbox[] = [];
    const fault = new SandboxUnavailableError('lost');
    let isFaulty = false;
    const provider: SandboxProvider = {
      ...inner,
      open: async (...request) => {
        const sandbox = await inner.open(...request);
        opened.push(sandbox);
        // It lives, but nobody knows what the command that it lost has done.
        return { ...sandbox, exec: (...asked) => (isFaulty ? Promise.reject(fault) : sandbox.exec(...asked)) };
      },
    };
    const host = await hostForTest({ open: openerOf(provider) });
    const plan = planWorld({ family: 'mail', seed: 1 });
    await host.begin(plan);
    isFaulty = true;
    await expect(host.act('true')).rejects.toBe(fault);
    isFaulty = false;
    expect(() => host.plan).toThrow(/no world stands here/);
    await host.begin(plan);
    expect(await host.act('true')).toMatchObject({ deltaBytes: 0 });
    expect(opened).toHaveLength(2);
    await opened[1]![Symbol.asyncDispose]();
    await expect(host.act('true')).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    await host.begin(plan);
    expect(opened).toHaveLength(3);
  });

  itNeedsVolumes('refuses a provider whose volumes nobody can measure from outside', async () => {
    const inner = createBubblewrapProvider();
    const provider: SandboxProvider = {
      ...inner,
      open: async (...request) => {
        const { outside: _, ...sandbox } = await inner.open(...request);
        return sandbox;
      },
    };
    await expect(hostForTest({ open: openerOf(provider) })).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringMatching(/does not show its volumes/),
    });
  });

  itNeedsVolumes('refuses a world that is too large for its volume', async () => {
    const host = await hostForTest({ capacityMiB: 2 });
    await expect(host.begin(planWorld({ family: 'web', seed: 1 }))).rejects.toThrow(
      /cannot stand on a volume of 2097152/,
    );
  });
});
