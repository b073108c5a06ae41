import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Barriers, createBarriers, type Flag } from '../../../markspace/regulation/barrier.ts';
import { defaultConstants } from '../../../markspace/regulation/baseline.ts';
import { createEnvelope } from '../../../markspace/regulation/envelope.ts';
import { createProbes } from '../../../markspace/regulation/probes.ts';
import { contains, upwards } from '../../../markspace/scope.ts';
import {
  aDraft,
  agents,
  anObservation,
  anOperation,
  inWindows,
  minuteMs,
  operations,
  scopes,
  through,
} from '../regulation/operations.ts';

const scope = fc.constantFrom(...scopes);
const agent = fc.constantFrom(...agents);

/** Authorities by name: `root` covers all, `team` what is in x, `inner` what is in x/y, `nobody` nothing. */
const realms: Readonly<Record<string, readonly (string | null)[]>> = {
  root: [null],
  team: ['x'],
  inner: ['x/y'],
  nobody: [],
};
const authority = fc.constantFrom(...Object.keys(realms));
function covers(who: string, path: string | null): boolean {
  const realm = realms[who] ?? [];
  return realm.includes(null) || (path !== null && [...upwards(path)].some((above) => realm.includes(above)));
}

function guarded() {
  const barriers = createBarriers({ covers });
  const envelope = createEnvelope({ raise: barriers.flag });
  return { barriers, envelope, checks: [barriers.check, envelope.check] };
}

const isClosed = (barriers: Barriers, whom: string, path: string) =>
  !barriers.check.judge(anOperation(whom, 0, anObservation('a', 't', path))).allowed;

it('P40 an agent that was restricted stays restricted, whatever it does and however long it waits, until a principal lifts it', () => {
  const later = fc.array(
    fc.record({
      waitMs: fc.nat({ max: 1_000 * minuteMs }),
      kind: fc.constantFrom('need', 'warning', 'action', 'intent', 'observation'),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 40, max: 80 }), later, (usual, factor, attempts) => {
      const { barriers, envelope, checks } = guarded();
      const training = inWindows('p', new Array(12).fill(usual));
      for (const operation of training) expect(through(checks, operation).allowed).toBe(true);
      let atMs = 12 * minuteMs;
      const verdicts = inWindows('p', [usual * factor], 'x', atMs).map((operation) => through(checks, operation));
      expect(verdicts.at(-1)).toMatchObject({ allowed: false, check: 'barrier' });
      for (const { waitMs, kind } of attempts) {
        atMs += minuteMs + waitMs;
        expect(through(checks, anOperation('p', atMs, aDraft(kind as 'need', 'x')))).toMatchObject({ allowed: false });
        expect(through(checks, anOperation('q', atMs, aDraft(kind as 'need', 'x')))).toMatchObject({ allowed: true });
      }
      barriers.lift([{ agent: 'p', scope: 'x' }], 'root');
      envelope.forgive('p', 'x', false);
      expect(through(checks, anOperation('p', atMs + 1))).toMatchObject({ allowed: true });
    }),
    { numRuns: 40 },
  );
});

it('P41 nobody is flagged while its baseline is being learnt', () => {
  const { learningWindows } = defaultConstants;
  const window = fc.record({ count: fc.nat({ max: 60 }), isFault: fc.boolean(), size: fc.nat({ max: 50_000 }) });
  const calm = fc.record({ count: fc.integer({ min: 1, max: 2 }), isFault: fc.constant(false), size: fc.constant(10) });
  const wild = fc.record({
    count: fc.integer({ min: 1, max: 400 }),
    isFault: fc.boolean(),
    size: fc.nat({ max: 500_000 }),
  });
  const bursts = fc.oneof(
    fc.array(window, { maxLength: learningWindows }),
    fc
      .tuple(fc.array(calm, { minLength: learningWindows - 1, maxLength: learningWindows - 1 }), wild)
      .map(([a, b]) => [...a, b]),
  );
  fc.assert(
    fc.property(bursts, scope, (windows, path) => {
      const flags: Flag[] = [];
      const { check } = createEnvelope({ raise: (flag) => flags.push(flag) });
      windows.forEach(({ count, isFault, size }, i) => {
        const draft = anObservation('a'.repeat(size), 't', path);
        for (let k = 0; k < count; k += 1) {
          const operation = anOperation('p', i * minuteMs + k, draft);
          const verdict = check.judge(operation);
          expect(verdict.allowed).toBe(true);
          check.observe!(operation, isFault ? { allowed: false, check: 'verb', rule: 'kind', message: '' } : verdict);
        }
      });
      expect(flags).toEqual([]);
    }),
  );
});

it('P43 one flag narrows one scope for one agent; the third flagged scope narrows everything for it', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(agent, scope), { maxLength: 8 }), (flags) => {
      const barriers = createBarriers({ covers });
      const flagged = new Map<string, Set<string>>(agents.map((name) => [name, new Set()]));
      flags.forEach(([whom, path], atMs) => {
        barriers.flag({ agent: whom, scope: path, source: 'envelope', atMs, reason: 'r' });
        flagged.get(whom)!.add(path);
        for (const [name, own] of flagged) {
          for (const at of scopes) {
            const isNarrowed = own.size >= 3 || [...own].some((narrowed) => contains(narrowed, at));
            expect(isClosed(barriers, name, at)).toBe(isNarrowed);
          }
        }
      });
    }),
  );
});

const barrier = fc.record({ scope: fc.option(scope), agent: fc.option(agent), by: authority });

it('P44 a barrier is lifted by who made it, or by an authority over all that its maker had a say over', () => {
  fc.assert(
    fc.property(barrier, authority, ({ by, ...target }, lifter) => {
      const barriers = createBarriers({ covers });
      fc.pre(covers(by, target.scope));
      barriers.narrow(target, by, 'r', 0);
      const rank = ['nobody', 'inner', 'team', 'root'];
      const isOver = rank.indexOf(lifter) >= rank.indexOf(by) && lifter !== 'nobody';
      if (isOver) {
        expect(barriers.lift([target], lifter)).toBe(1);
        expect(barriers.list()).toEqual([]);
      } else {
        const before = barriers.snapshot();
        expect(() => barriers.lift([target], lifter)).toThrow(by);
        expect(barriers.snapshot()).toEqual(before);
      }
    }),
  );
});

it('P45 nothing else undoes a narrowing: neither making it again, nor other barriers, nor attempts, nor flags', () => {
  const other = fc.oneof(
    barrier.map((made) => ({ type: 'narrow' as const, ...made })),
    fc.tuple(agent, scope).map(([whom, path]) => ({ type: 'flag' as const, agent: whom, scope: path })),
    fc.record({
      type: fc.constant('lift' as const),
      scope: fc.option(scope),
      agent: fc.option(agent),
      by: fc.constantFrom('inner', 'nobody'),
    }),
    fc.record({ type: fc.constant('attempt' as const), scope, agent }),
  );
  fc.assert(
    fc.property(agent, scope, fc.array(other, { maxLength: 20 }), (whom, path, others) => {
      const barriers = createBarriers({ covers });
      const first = barriers.narrow({ scope: path, agent: whom }, 'root', 'first', 1);
      for (const [i, step] of others.entries()) {
        try {
          if (step.type === 'narrow') barriers.narrow(step, step.by, 'again', 2 + i);
          else if (step.type === 'flag') barriers.flag({ ...step, source: 'probe', atMs: 2 + i, reason: 'r' });
          else if (step.type === 'lift') barriers.lift([step], step.by);
          else through([barriers.check], anOperation(step.agent, i, anObservation('a', 't', step.scope)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'MARKSPACE_DENIED' });
        }
        expect(isClosed(barriers, whom, path)).toBe(true);
      }
      const same = barriers.list().filter((b) => b.by === 'root' && b.agent === whom && b.scope === path);
      expect(same).toEqual([{ ...first, refused: expect.any(Number) }]);
    }),
  );
});

it('P46 probe marks lie in their own scope, and no agent leaves anything there', () => {
  const plants = fc.array(fc.tuple(agent, fc.nat({ max: 10 * minuteMs })), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(fc.nat(), plants, operations(), (seed, planted, others) => {
      const probes = createProbes({ scope: 'readings', planter: 'runtime', seed, answerMs: minuteMs, raise: () => {} });
      for (const [whom, atMs] of planted) {
        const { marks } = probes.plant(whom, atMs);
        expect(marks.map((draft) => draft.scope)).toEqual(marks.map(() => `readings/${whom}`));
        for (const draft of marks) expect(probes.check.judge(anOperation('runtime', atMs, draft)).allowed).toBe(true);
      }
      for (const operation of others) {
        expect(probes.check.judge(operation).allowed).toBe(true);
        const moved = `readings/${operation.agent}`;
        const draft = { ...operation.draft, scope: moved };
        expect(probes.check.judge({ ...operation, scope: moved, draft }).allowed).toBe(false);
      }
    }),
  );
});
