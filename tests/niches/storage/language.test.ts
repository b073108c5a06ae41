import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  candidates,
  type TokenAutomaton as EmbeddedGrammar,
} from '../../../src/models/embedded/sampling/token-automaton.ts';
import { createTokenizer, promptTokens, special } from '../../../src/models/embedded/tokenizer.ts';
import {
  argumentsOf,
  commandAutomaton,
  commandWords,
  grammarFor,
  renderCommand,
} from '../../../src/niches/storage/action-language.ts';
import { plannedFiles } from '../../../src/niches/storage/listing.ts';
import {
  observationLength,
  observationTokens,
  observationWords,
  observe,
  promptOf,
} from '../../../src/niches/storage/observation.ts';
import { planWorld } from '../../../src/niches/storage/plan.ts';
import { newborn } from '../../../src/niches/storage/play.ts';
import { sizeBucketOf, tokenizerWords, tokenOf, verbs, vocabulary } from '../../../src/niches/storage/vocabulary.ts';

const tokens = (sentence: string) => sentence.split(' ').map(tokenOf);

describe('the vocabulary', () => {
  it('is 176 different words', () => {
    expect(vocabulary).toHaveLength(176);
    expect(new Set(vocabulary).size).toBe(176);
    expect(() => tokenOf('sudo')).toThrow(/not in the vocabulary/);
  });

  it('has the numbers that the embedded model gives the same words', () => {
    const tokenizer = createTokenizer({ words: [...tokenizerWords], hasBytes: false });
    expect(tokenizer.size).toBe(176);
    const { observation } = newborn(planWorld({ family: 'web', seed: 1 }));
    expect(promptTokens(tokenizer, promptOf(observation))).toEqual(observationTokens(observation));
    expect(tokenizer.encode('find-size @2 s3')).toEqual(tokens('find-size @2 s3'));
    const grammar: EmbeddedGrammar = grammarFor(promptOf(observation));
    expect([...candidates(grammar, grammar.start, special.end, tokenizer.size)].sort()).toEqual(
      verbs.map(tokenOf).sort(),
    );
    const whole = tokens('rm @6').reduce((state, token) => grammar.next(state, token), grammar.start);
    expect([...candidates(grammar, whole, special.end, tokenizer.size)]).toEqual([tokenOf('<end>')]);
    const few = promptOf({ ...observation, files: observation.files.slice(0, 2) });
    expect(grammarFor(few)).toBe(commandAutomaton(2));
    expect(() => grammarFor(promptOf({ ...observation, files: [] }))).toThrow(/0 files are shown/);
  });

  it('puts sizes into half-log2 buckets', () => {
    expect([1, 4_096, 5_792, 5_793, 8_192, 2 ** 22, 2 ** 40].map(sizeBucketOf)).toEqual([0, 0, 0, 1, 2, 19, 19]);
  });
});

describe('an observation', () => {
  const world = (seed: number) => ({
    freeShare: 0.234,
    last: { command: null, result: 'denied', change: -1 } as const,
    listed: () => plannedFiles(planWorld({ family: 'web', seed })),
  });

  it('has one length and no word outside the vocabulary, however few files are left', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const all = observe(world(seed), ['rm', '@1']);
      for (const count of [0, 1, 6]) {
        expect(observationTokens({ ...all, files: all.files.slice(0, count) })).toHaveLength(observationLength);
      }
    }
    expect(observationLength).toBe(56);
  });

  it('tells free space, the last command and how it ended, and a line for each file', () => {
    const listed = [
      { path: '/workspace/var/log/nginx/a.log', size: 300_000, ageSeconds: 90_000, flag: 'held', owner: 'me' },
      { path: '/workspace/usr/share/x.db', size: 9_000, ageSeconds: 9e8, flag: 'plain', owner: 'system' },
      { path: '/tmp/.hidden', size: 1, ageSeconds: -5, flag: 'plain', owner: 'me' },
    ].map((file) => ({ ...file, isWritable: true, isDirectoryWritable: false })) as never;
    const words = observationWords(observe({ ...world(1), listed: () => listed }, ['find-size', '@2', 's3']));
    expect(words.join(' ')).toBe(
      '<begin> free:2 find-size @2 s3 r:denied space:less ' +
        '@1 s12 own:me may:f- is:held in:web-logs *.log age:week ' +
        '@2 s2 own:system may:f- is:plain in:system *.db age:ages ' +
        '@3 s0 own:me may:f- is:plain in:temporary *.other age:hour ' +
        `${'. '.repeat(24)}$`,
    );
  });
});

describe('the grammar', () => {
  it('lets every sentence that it begins end as one command, after two or three words', () => {
    for (const listed of [1, 3, 6]) {
      const automaton = commandAutomaton(listed);
      const walkOn = (state: number, said: readonly number[]): number => {
        if (automaton.accepts(state)) {
          expect(automaton.allowed(state)).toEqual([]);
          expect(commandWords(said, listed)).toHaveLength(said.length);
          expect([2, 3]).toContain(said.length);
          return 1;
        }
        expect(automaton.allowed(state).length).toBeGreaterThan(0);
        return automaton
          .allowed(state)
          .reduce((sum, token) => sum + walkOn(automaton.next(state, token), [...said, token]), 0);
      };
      const whole = verbs.reduce((sum, verb) => sum + listed * Math.max(1, argumentsOf(verb, listed).length), 0);
      expect(walkOn(automaton.start, [])).toBe(whole);
    }
  });

  it('refuses whatever is not allowed, from every state', () => {
    const automaton = commandAutomaton(2);
    fc.assert(
      fc.property(fc.array(fc.nat(vocabulary.length - 1), { maxLength: 4 }), (said) => {
        let state = automaton.start;
        for (const token of said) {
          const isAllowed = automaton.allowed(state).includes(token);
          const next = automaton.next(state, token);
          expect(next !== -1).toBe(isAllowed);
          state = next;
        }
      }),
    );
    for (const wrong of ['rm', 'rm @3', 'rm @1 u+w', 'chmod @1', 'mv @1 @3', '@1', 'rm @1 $', 'ls @1 @2']) {
      expect(commandWords(tokens(wrong), 2), wrong).toBeNull();
    }
    expect(() => commandAutomaton(0)).toThrow(/needs 1 to 6/);
    expect(() => renderCommand(['rm', '@3'], ['/a', '/b'])).toThrow(/"rm @3" is no command about 2 files/);
    expect(() => renderCommand(['rm', '@1'], [])).toThrow(/no command/);
  });
});

describe('a rendered command', () => {
  const render = (sentence: string, ...paths: string[]) => renderCommand(sentence.split(' '), paths);

  it('is what an administrator would type', () => {
    const paths = ['/workspace/var/log/a b.log', '/tmp/x.gz'];
    expect(render('rm @1', ...paths)).toBe("rm -f -- '/workspace/var/log/a b.log'");
    expect(render('mv @1 @2', ...paths)).toBe("mv -- '/workspace/var/log/a b.log' '/tmp'/");
    expect(render('cp @2 to:shm', ...paths)).toBe("cp -- '/tmp/x.gz' /dev/shm/");
    expect(render('find-name @1 *.log', ...paths)).toBe("find '/workspace/var/log' -type f -name '*.log' -delete");
    expect(render('find-size @2 s4', ...paths)).toBe("find '/tmp' -type f -size +16383c -delete");
    expect(render('find-old @2 age:week', ...paths)).toBe("find '/tmp' -type f -mmin +1440 -delete");
    expect(render('chmod-dir @1 u+w', ...paths)).toBe("chmod u+w -- '/workspace/var/log'");
  });

  it('carries any name as one word', () => {
    const path = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter((name) => !/[\0/]/.test(name) && !/\p{Surrogate}/u.test(name));
    const odd = ["a'b", '-rf', '$(reboot)', 'a\nb', '`id`', '\\', '"', ' ', "''", '*', '~', '!x', 'é'];
    fc.assert(
      fc.property(fc.array(fc.oneof(path, fc.constantFrom(...odd)), { minLength: 1, maxLength: 6 }), (names) => {
        const paths = names.map((name) => `/d-${name}/${name}`);
        const script = paths
          .map((_, i) => render(`stat @${i + 1}`, ...paths).replace('stat --', "printf '%s\\0'"))
          .join('; ');
        const { stdout } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
        expect(stdout.split('\0').slice(0, -1)).toEqual(paths);
      }),
      { numRuns: 40 },
    );
  });
});
