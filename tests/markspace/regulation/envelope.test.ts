import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Operation, Verdict } from '../../../markspace/check.ts';
import type { Flag } from '../../../markspace/regulation/barrier.ts';
import { createEnvelope } from '../../../markspace/regulation/envelope.ts';
import { aDraft, anObservation, anOperation, inWindows, minuteMs, operations, through } from './operations.ts';

function watched() {
  const flags: Flag[] = [];
  const envelope = createEnvelope({ raise: (flag) => flags.push(flag) });
  const feed = (given: readonly Operation[], refusal: Verdict | null = null) => {
    for (const operation of given) {
      if (refusal === null) through([envelope.check], operation);
      else envelope.check.observe!(operation, refusal);
    }
  };
  /** Twenty windows with ten observations each; a window more may follow. */
  const trained = () => {
    feed(inWindows('p', new Array(20).fill(10)));
    expect(flags).toEqual([]);
  };
  return { envelope, flags, feed, trained, at: 20 * minuteMs };
}

describe('the envelope', () => {
  it('refuses the operation that is too many, and flags it as soon as it comes', () => {
    const { flags, feed, trained, at, envelope } = watched();
    trained();
    const burst = inWindows('p', [200], 'x', at);
    const first = burst.findIndex((operation) => !through([envelope.check], operation).allowed);
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThan(60);
    expect(flags[0]).toMatchObject({ agent: 'p', scope: 'x', source: 'envelope', atMs: burst[first]!.atMs });
    expect(flags[0]!.reason).toMatch(/^observation: \d+\.\d where up to \d+\.\d was usual \(burst\)$/);
    feed(burst);
  });

  it('tells the agent what, but not how much', () => {
    const { trained, at, envelope } = watched();
    trained();
    const refusals = inWindows('p', [200], 'x', at)
      .map((operation) => through([envelope.check], operation))
      .filter((verdict) => !verdict.allowed);
    expect(refusals[0]).toMatchObject({ check: 'envelope', rule: 'burst' });
    expect((refusals[0] as { message: string }).message).toContain('authority over it lifts that');
    expect((refusals[0] as { message: string }).message).not.toMatch(/\d/);
  });

  it.each<[string, readonly Operation[]]>([
    [
      'a kind that it hardly ever wrote',
      Array.from({ length: 20 }, (_, i) => anOperation('p', 20 * minuteMs + i, aDraft('warning', 'x'))),
    ],
    [
      'many scopes',
      Array.from({ length: 20 }, (_, i) =>
        anOperation('p', 20 * minuteMs + i, anObservation('it is so', 't', `s${i}`)),
      ),
    ],
    ['a payload a hundred times as large', [anOperation('p', 20 * minuteMs, anObservation('a'.repeat(50_000)))]],
  ])('finds %s', (_, unusual) => {
    const { flags, feed, trained } = watched();
    trained();
    feed(unusual);
    expect(flags.length).toBeGreaterThan(0);
  });

  it('finds a share of refusals that it did not have before, when the window ends', () => {
    const { flags, feed, trained, at } = watched();
    trained();
    const probing = inWindows('p', [10], 'x', at);
    feed(probing, { allowed: false, check: 'scope', rule: 'not-authorised', message: '' });
    expect(flags).toEqual([]);
    feed(inWindows('p', [1], 'x', at + minuteMs));
    expect(flags[0]!.reason).toMatch(/^refused-share: 9\d % where up to \d+ % was usual/);
  });

  it.each([
    ...['barrier', 'rate', 'budget', 'content', 'conflict', 'resolution'].map((check) => [check, 'r'] as const),
    ['assessment', 'check-failed'] as const,
  ])('does not hold a refusal by %s (%s) against an agent', (check, rule) => {
    const { flags, feed, trained, at } = watched();
    trained();
    feed(inWindows('p', [10, 10, 10], 'x', at), { allowed: false, check, rule, message: '' });
    feed(inWindows('p', [1], 'x', at + 3 * minuteMs));
    expect(flags).toEqual([]);
  });

  it('does not count what a barrier holds back, so that trying again makes nothing worse', () => {
    const { flags, feed, trained, at } = watched();
    trained();
    feed(inWindows('p', [5_000], 'x', at), { allowed: false, check: 'barrier', rule: 'closed', message: '' });
    expect(flags).toEqual([]);
  });

  it('does not learn from windows that it flagged', () => {
    const { flags, feed, trained, at } = watched();
    trained();
    const pattern = [200, 10, 10, 10, 10];
    const foundAt = Array.from({ length: 20 }, (_, i) => {
      const before = flags.length;
      feed(inWindows('p', pattern, 'x', at + i * pattern.length * minuteMs));
      return Number.parseFloat(flags[before]!.reason.slice('observation: '.length));
    });
    for (const count of foundAt) expect(count).toBeLessThanOrEqual(foundAt[0]!);
  });

  it('flags a window once, and does not learn a share that it flagged when the window ended', () => {
    const { flags, feed, trained, at } = watched();
    trained();
    feed(inWindows('p', [200], 'x', at));
    const once = flags.length;
    feed(inWindows('p', [10, 10], 'x', at + minuteMs));
    expect(flags.length).toBe(once);
    const probing = inWindows('p', [10], 'x').map((operation) => ({ ...operation, atMs: operation.atMs + at }));
    for (let i = 1; i <= 30; i += 1) {
      const later = probing.map((operation) => ({ ...operation, atMs: operation.atMs + 5 * i * minuteMs }));
      feed(later, { allowed: false, check: 'scope', rule: 'not-authorised', message: '' });
      feed(inWindows('p', [10], 'x', at + (5 * i + 1) * minuteMs));
      expect(flags.length).toBe(once + i);
    }
    const [first, last] = [flags[once]!, flags.at(-1)!].map(({ reason }) => reason);
    expect(last).toBe(first);
  });

  it('counts what it observes as often as it observes it, judged or not, and nothing that it only judged', () => {
    const plain = watched();
    const busy = watched();
    const given = inWindows('p', [3, 3, 3]);
    const other = anOperation('p', 0, aDraft('need', 'x'));
    for (const operation of given) {
      const verdict = { allowed: true, draft: operation.draft, flags: [] } as const;
      plain.envelope.check.observe!(operation, verdict);
      plain.envelope.check.observe!(operation, verdict);
      plain.envelope.check.observe!(operation, verdict);
      busy.envelope.check.judge(operation);
      busy.envelope.check.observe!(operation, verdict);
      busy.envelope.check.observe!(operation, verdict);
      busy.envelope.check.judge({ ...other, atMs: operation.atMs + 1 });
      // The same draft, a window too early.
      busy.envelope.check.judge({ ...operation, atMs: operation.atMs + minuteMs });
      busy.envelope.check.observe!(operation, verdict);
    }
    expect(busy.envelope.snapshot()).toEqual(plain.envelope.snapshot());
    expect(busy.envelope.snapshot().p!.x!.activity!.counts).toEqual([0, 0, 9, 0, 0, 0]);
  });

  it('flags the second of two suspect windows, not the first', () => {
    const { flags, feed, trained, at } = watched();
    trained();
    feed(inWindows('p', [33, 10, 10, 10, 10], 'x', at));
    expect(flags).toEqual([]);
    feed(inWindows('p', [33, 33, 10], 'x', at + 5 * minuteMs));
    expect(flags.map(({ reason }) => reason)).toEqual([expect.stringContaining('(repeated)')]);
  });

  it('takes a quiet agent’s natural variation for what it is', () => {
    const { flags, feed } = watched();
    feed(inWindows('p', [1, 0, 1, 1, 2, 1, 0, 1, 1, 1, 3, 1, 0, 0, 6, 1, 1, 2, 5, 1, 1, 4, 1, 1]));
    expect(flags).toEqual([]);
  });

  it('does not count windows without activity', () => {
    const { flags, feed, trained } = watched();
    trained();
    feed(inWindows('p', [10], 'x', 5_000 * minuteMs));
    feed(inWindows('p', [10], 'x', 9_000 * minuteMs));
    expect(flags).toEqual([]);
  });

  it('learns anew, or goes back to what it learnt first, when an authority says so', () => {
    const { envelope, flags, feed, trained, at } = watched();
    trained();
    feed(inWindows('p', [200], 'x', at));
    const before = flags.length;
    envelope.forgive('p', 'x', true);
    feed(inWindows('p', new Array(20).fill(200), 'x', at + minuteMs));
    expect(flags.length).toBe(before);
    envelope.forgive('p', 'x', false);
    feed(inWindows('p', [200, 2_000], 'x', at + 21 * minuteMs));
    expect(flags.length).toBeGreaterThan(before);
  });

  it('remembers no scope that an agent made up', () => {
    const { envelope, feed } = watched();
    const madeUp = Array.from({ length: 500 }, (_, i) => anOperation('p', i, anObservation('a', 't', `s${i}`)));
    feed(madeUp, { allowed: false, check: 'kind', rule: 'unknown-scope', message: '' });
    expect(Object.keys(envelope.snapshot().p!)).toEqual(['*']);
    feed(madeUp);
    expect(Object.keys(envelope.snapshot().p!).length).toBeLessThanOrEqual(257);
    expect(envelope.snapshot().p!['*']!.activity!.scopes.length).toBeLessThanOrEqual(256);
  });

  it('goes on after a restart as if there had been none, and judging changes nothing', () => {
    fc.assert(
      fc.property(operations(), fc.nat({ max: 60 }), (given, cut) => {
        const constants = { learningWindows: 2, coldWindows: 4 };
        const [whole, first, second] = [0, 0, 0].map(() => {
          const flags: Flag[] = [];
          return { flags, envelope: createEnvelope({ constants, raise: (flag) => flags.push(flag) }) };
        }) as [ReturnType<typeof watched>, ReturnType<typeof watched>, ReturnType<typeof watched>];
        const judged = given.map((operation) => through([whole.envelope.check], operation));
        const before = given.slice(0, cut).map((operation) => through([first.envelope.check], operation));
        for (const operation of given) first.envelope.check.judge(operation);
        second.envelope.restore(JSON.parse(JSON.stringify(first.envelope.snapshot())));
        const after = given.slice(cut).map((operation) => through([second.envelope.check], operation));
        expect([...before, ...after]).toEqual(judged);
        expect([...first.flags, ...second.flags]).toEqual(whole.flags);
        expect(second.envelope.snapshot()).toEqual(whole.envelope.snapshot());
      }),
    );
  });
});
