import { describe, expect } from 'vitest';
import { renderCommand } from '../../../src/niches/storage/action-language.ts';
import { pagesOf, planWorld } from '../../../src/niches/storage/plan.ts';
import { verbs } from '../../../src/niches/storage/vocabulary.ts';
import { hostForTest, itNeedsVolumes } from './hosts.ts';

const plan = planWorld({ family: 'mail', seed: 2, difficulty: 0 });
const plain = plan.files.filter(({ path, mode, isHeld, isVital, content }) => {
  const directory = plan.directories.find((one) => one.path === path.slice(0, path.lastIndexOf('/')));
  const isLinked = plan.links.some(({ target }) => target === path);
  return !isHeld && !isVital && !isLinked && mode === 0o644 && directory?.mode === 0o755 && content !== null;
});
const log = plain.find(({ content, size }) => content?.kind === 'log' && size > 40_000)!;
const packed = plain.find(({ content, size }) => content?.kind === 'gzip' && size > 20_000)!;
const whole = (sign: 1 | -1) => ({ exact: sign * pagesOf(log.size) });

/** What each verb does to free space, done to a log (`@1`) or a packed file (`@2`) that may be changed. */
const effects: Readonly<Record<string, { exact?: number; sign?: number }>> = {
  'rm @1': whole(1),
  'truncate @1': whole(1),
  'rm-r @1': { sign: 1 },
  'gzip @1': { sign: 1 },
  'gunzip @2': { sign: -1 },
  'mv @1 to:tmp': { exact: 0 },
  'mv @1 @2': { exact: 0 },
  'cp @1 to:shm': whole(-1),
  'ln @1 @2': { exact: 0 },
  'tar @1 remove': { sign: 1 },
  'tar @1 keep': { sign: -1 },
  'chmod @1 a-w': { exact: 0 },
  'chmod-dir @1 u+w': { exact: 0 },
  [`find-name @1 *.${log.path.split('.').at(-1)}`]: { sign: 1 },
  'find-size @1 s0': { sign: 1 },
  'find-old @1 age:hour': { sign: 1 },
  'ls @1': { exact: 0 },
  'du @1': { exact: 0 },
  'stat @1': { exact: 0 },
  'cat @1': { exact: 0 },
  'touch @1': { exact: 0 },
  'mkdir @1': { exact: 0 },
};

describe('every verb', () => {
  itNeedsVolumes('does in a real shell what its name says', async () => {
    expect(new Set(Object.keys(effects).map((sentence) => sentence.split(' ')[0]))).toEqual(new Set(verbs));
    const host = await hostForTest();
    for (const [sentence, { exact, sign }] of Object.entries(effects)) {
      await host.begin(plan);
      const step = await host.act(renderCommand(sentence.split(' '), [log.path, packed.path]));
      expect(step, sentence).toMatchObject({ exitCode: 0, damage: null, result: 'ok' });
      if (exact !== undefined) expect(step.deltaBytes, sentence).toBe(exact);
      if (sign !== undefined) expect(Math.sign(step.deltaBytes), sentence).toBe(sign);
    }
  });
});
