import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createBarriers } from '../../../markspace/regulation/barrier.ts';
import {
  type ContentPolicy,
  type ContentRuling,
  createContentCheck,
  defineContentPolicy,
} from '../../../markspace/regulation/content/policy.ts';
import { createEnvelope } from '../../../markspace/regulation/envelope.ts';
import type { Json } from '../../../src/core/json.ts';
import { anObservation, anOperation, operations, through } from '../regulation/operations.ts';
import { agents, draftOf } from './arbitraries.ts';
import { holds, openWorld } from './world.ts';

const flag = fc.constantFrom('untrusted', 'long', 'odd');
/** What a policy says to anything. A rewrite adds its own letter, so that the order shows. */
type Say =
  | { readonly ruling: 'allow' | 'reject' }
  | { readonly ruling: 'rewrite'; readonly letter: string; readonly flags: readonly string[] }
  | { readonly ruling: 'flag'; readonly flags: readonly string[] };
const say: fc.Arbitrary<Say> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ ruling: 'allow' as const }) },
  { weight: 1, arbitrary: fc.constant({ ruling: 'reject' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ruling: fc.constant('rewrite' as const),
      letter: fc.constantFrom('a', 'b', 'c'),
      flags: fc.subarray(['long', 'odd']),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ ruling: fc.constant('flag' as const), flags: fc.array(flag, { maxLength: 2 }) }),
  },
);
/** As it is kept: JSON has no -0. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json);
const says = fc.array(say, { maxLength: 6 });
const gentle = fc.array(
  say.filter(({ ruling }) => ruling !== 'reject'),
  { maxLength: 4 },
);

function policiesOf(given: readonly Say[], seen: Json[] = []): readonly ContentPolicy[] {
  return given.map((what, i) =>
    defineContentPolicy({
      name: `policy-${i}`,
      judge({ content }): ContentRuling {
        seen.push(content);
        if (what.ruling === 'rewrite') return { ...what, content: `${JSON.stringify(content)}${what.letter}` };
        return what.ruling === 'reject' ? { ruling: 'reject', message: 'no' } : (what as ContentRuling);
      },
    }),
  );
}

holds('P67 an observation that a policy rejects stores nothing', (open) =>
  fc.asyncProperty(
    draftOf(['observation']),
    gentle,
    gentle,
    fc.constantFrom(...agents),
    async (draft, before, after, who) => {
      const policies = policiesOf([...before, { ruling: 'reject' }, ...after]);
      await using world = openWorld(await open(), { checks: [createContentCheck(policies)] });
      const refusal = { check: 'content', rule: `policy-${before.length}` };
      await expect(world.as(who).write(draft)).rejects.toMatchObject({ code: 'MARKSPACE_DENIED', details: refusal });
      expect(world.marks()).toEqual([]);
      expect(await world.as(who).query({ scope: draft.scope, minStrength: 0 })).toEqual([]);
    },
  ),
);

it('P68 policies are asked in order, each sees what those before it rewrote, the first rejection ends it, flags add up', () => {
  fc.assert(
    fc.property(says, json, (given, content) => {
      const seen: Json[] = [];
      const check = createContentCheck(policiesOf(given, seen));
      const verdict = check.judge(anOperation('p', 0, anObservation(content)));
      const expectedSeen: Json[] = [];
      const flags = new Set<string>();
      let current = content;
      let rejectedBy: number | null = null;
      for (const [i, what] of given.entries()) {
        expectedSeen.push(current);
        if (what.ruling === 'reject') rejectedBy = i;
        if (rejectedBy !== null) break;
        if (what.ruling === 'rewrite') current = `${JSON.stringify(current)}${what.letter}`;
        for (const word of 'flags' in what ? what.flags : []) flags.add(word);
      }
      expect(seen).toEqual(expectedSeen);
      if (rejectedBy !== null) {
        expect(verdict).toEqual({ allowed: false, check: 'content', rule: `policy-${rejectedBy}`, message: 'no' });
      } else {
        expect(verdict).toMatchObject({ allowed: true, flags: [...flags], draft: { fields: { content: current } } });
      }
    }),
  );
});

it('P69 policies see observations only, and touch nothing of them but the content', () => {
  fc.assert(
    fc.property(draftOf(), says, (draft, given) => {
      const seen: Json[] = [];
      const operation = anOperation('p', 0, draft);
      const before = structuredClone(operation);
      const verdict = createContentCheck(policiesOf(given, seen)).judge(operation);
      expect(operation).toEqual(before);
      if (draft.kind !== 'observation') {
        expect(seen).toEqual([]);
        expect(verdict).toEqual({ allowed: true, draft, flags: [] });
      } else if (verdict.allowed) {
        const { content } = verdict.draft.fields;
        expect(verdict.draft).toEqual({ ...draft, fields: { ...draft.fields, content } });
      }
      const tamper = defineContentPolicy({
        name: 'tamper',
        judge(subject) {
          (subject as { scope: string }).scope = 'elsewhere';
          return { ruling: 'allow' };
        },
      });
      if (draft.kind === 'observation') expect(() => createContentCheck([tamper]).judge(operation)).toThrow(TypeError);
    }),
  );
});

it('P70 policies neither narrow barriers nor feed the envelope', () => {
  fc.assert(
    fc.property(operations(), says, (attempts, given) => {
      const play = (policies: readonly ContentPolicy[]) => {
        const barriers = createBarriers({ covers: () => false });
        const envelope = createEnvelope({ raise: barriers.flag, constants: { learningWindows: 1, coldWindows: 3 } });
        for (const operation of attempts) {
          through([barriers.check, envelope.check, createContentCheck(policies)], operation);
        }
        return { barriers: barriers.snapshot(), envelope: envelope.snapshot() };
      };
      expect(play(policiesOf(given))).toEqual(play([]));
    }),
  );
});
