import { describe, expect } from 'vitest';
import { randomStream } from '../../../src/core/random.ts';
import { renderCommand } from '../../../src/niches/storage/action-language.ts';
import type { Step } from '../../../src/niches/storage/life.ts';
import { oracle } from '../../../src/niches/storage/oracle.ts';
import { planWorld } from '../../../src/niches/storage/plan.ts';
import { advance, type Life, live, newborn, type Policy, siblings, spread } from '../../../src/niches/storage/play.ts';
import { attributeReader, biggestFirst, randomPolicy } from '../../../src/niches/storage/policies.ts';
import { hostForTest, itNeedsVolumes } from './hosts.ts';

const plans = Array.from({ length: 6 }, (_, seed) =>
  planWorld({ family: seed % 2 === 0 ? 'web' : 'mail', seed: 900 + seed }),
);
const freedBy = (lives: readonly Life[]) => lives.reduce((sum, { account }) => sum + account.freedBytes, 0);

describe('policies in real worlds', () => {
  itNeedsVolumes('free the more the more they know: random, reading attributes, knowing everything', async () => {
    const host = await hostForTest();
    const lives = async (policy: Policy) => {
      const all: Life[] = [];
      for (const [i, plan] of plans.entries())
        all.push(await live(host, plan, policy, randomStream(1, policy.name, i)));
      return all;
    };
    const [best, careful, random] = [
      await lives(oracle()),
      await lives(attributeReader(true)),
      await lives(randomPolicy),
    ];
    for (const [i, { account, ending }] of best.entries()) {
      expect(ending).not.toBe('broken');
      expect(account.freedBytes).toBeGreaterThanOrEqual(careful[i]!.account.freedBytes);
    }
    expect(freedBy(careful)).toBeGreaterThan(0.5 * freedBy(best));
    expect(freedBy(random)).toBeLessThan(0.5 * freedBy(careful));
    // The oracle plans in a model of the world: every one of its steps must have done there what it did here.
    const idle = best
      .flatMap(({ moments }) => moments)
      .filter(({ step, sentence }) => step.deltaBytes === 0 && !sentence[0]!.startsWith('chmod'));
    expect(idle).toEqual([]);
  });

  itNeedsVolumes('live the same life twice', async () => {
    const host = await hostForTest();
    const once = () => live(host, plans[1]!, randomPolicy, randomStream(2, 'life'));
    const [one, two] = [await once(), await once()];
    const plain = ({ moments, ...rest }: Life) => ({
      ...rest,
      moments: moments.map(({ sentence, step }) => ({ sentence, step })),
    });
    expect(plain(two)).toEqual(plain(one));
  });

  itNeedsVolumes('do not repeat what failed, where they remember it', async () => {
    const host = await hostForTest();
    for (const verb of ['rm', 'truncate'] as const) {
      const { moments } = await live(host, plans[2]!, biggestFirst(verb), randomStream(3));
      const failed = moments.filter(({ step }) => step.deltaBytes <= 0);
      const paths = failed.map(({ observation, sentence }) => observation.files[Number(sentence[1]![1]) - 1]!.path);
      expect(new Set(paths).size).toBe(paths.length);
    }
  });
});

describe('worlds as values', () => {
  itNeedsVolumes('live the same lives in copies, one command at a time on any host, as in one piece', async () => {
    const hosts = [await hostForTest(), await hostForTest()];
    const few = plans.slice(0, 4);
    const policy = attributeReader(false);
    const whole = await spread(hosts, few, (host, plan) => live(host, plan, policy, randomStream(4)));
    const minds = few.map((plan) => policy.open({ random: randomStream(4), plan }));
    let waiting = few.map((plan, i) => ({ i, stand: newborn(plan), last: null as Step | null }));
    const pieces: Step[][] = few.map(() => []);
    while (waiting.length > 0) {
      const chosen = waiting.map(({ i, stand, last }) => minds[i]!(stand.observation, last));
      const moved = await spread([...hosts].reverse(), waiting, async (host, { i, stand }, at) => {
        const sentence = chosen[at]!;
        if (sentence === null) return [];
        const { step, next } = await advance(host, stand, sentence);
        pieces[i]!.push(step);
        return next === null ? [] : [{ i, stand: next, last: step }];
      });
      waiting = moved.flat();
    }
    expect(pieces).toEqual(whole.map(({ moments }) => moments.map(({ step }) => step)));
  });

  itNeedsVolumes('stop when one host fails', async () => {
    const hosts = [await hostForTest(), await hostForTest()];
    let begun = 0;
    const failing = spread(hosts, Array.from({ length: 50 }), async (host) => {
      begun += 1;
      if (begun === 5) throw new Error('fifth');
      await host.begin(plans[0]!);
    });
    await expect(failing).rejects.toThrow('fifth');
    expect(begun).toBeLessThan(10);
  });
});

describe('siblings', () => {
  itNeedsVolumes(
    'start from identical copies of a world that has lived a while, whatever the others do to theirs',
    async () => {
      const host = await hostForTest();
      await host.begin(plans[0]!);
      await host.act('rm -f /tmp/*; truncate -s 0 /workspace/var/log/nginx/requests.log');
      const paths = host.listed().map(({ path }) => path);
      const state = await host.state();
      const commands = ['truncate @2', 'rm @1', 'gzip @2', 'truncate @2', 'rm @2', 'rm-r @3'].map((s) =>
        renderCommand(s.split(' '), paths),
      );
      const steps = await siblings(host, state, commands);
      for (const [i, command] of commands.entries()) {
        await host.begin(state);
        expect(await host.act(command), command).toEqual(steps[i]);
      }
      expect(steps[3]).toBe(steps[0]);
      expect(steps[0]!.deltaBytes).toBeGreaterThan(0);
    },
  );
});
