import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type MarkKind, markKinds } from '../../../markspace/check.ts';
import type { Mark } from '../../../markspace/mark.ts';
import { matches, noticeOf, type Pattern } from '../../../markspace/regulation/pattern.ts';
import {
  type Manifest,
  type MayWrite,
  type PipelineProblem,
  validatePipeline,
} from '../../../markspace/regulation/pipeline.ts';
import { dueActivations, type ScheduleState } from '../../../markspace/regulation/schedule.ts';
import { createWatch } from '../../../markspace/regulation/watch.ts';
import { contains } from '../../../markspace/scope.ts';
import { agent, agents, markOf, scopePath, share, topic } from './arbitraries.ts';

const pattern: fc.Arbitrary<Pattern> = fc.record(
  { scope: scopePath, kinds: fc.subarray([...markKinds]), topic, author: agent, minStrength: share },
  { requiredKeys: [] },
);
const patterns = fc.array(pattern, { maxLength: 3 });

type Step =
  | { readonly type: 'subscribe'; readonly agent: string; readonly patterns: readonly Pattern[] }
  | { readonly type: 'tell'; readonly mark: Mark }
  | { readonly type: 'poll'; readonly agent: string; readonly clear: boolean };
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: fc.record({ type: fc.constant('subscribe' as const), agent, patterns }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('tell' as const), mark: markOf() }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('poll' as const), agent, clear: fc.boolean() }) },
  ),
  { maxLength: 50 },
);

/** Everything that happened, with marks in store order, and what each poll gave. */
function watched(given: readonly Step[], capacity = 1_000) {
  const watch = createWatch({ isKnownTo: () => true, capacity });
  let order = 0;
  return given.map((step) => {
    if (step.type === 'subscribe') watch.subscribe(step.agent, step.patterns);
    if (step.type === 'poll') return { step, polled: watch.poll(step.agent, { clear: step.clear }) };
    if (step.type !== 'tell') return { step };
    const mark = { ...step.mark, order };
    order += 1;
    watch.tell(mark);
    return { step: { type: 'tell' as const, mark } };
  });
}

const isWanted = (wanted: readonly Pattern[], mark: Mark) => wanted.some((one) => matches(one, noticeOf(mark)));

it('P48 subscribing again replaces what was watched', () => {
  fc.assert(
    fc.property(patterns, patterns, fc.array(markOf(), { maxLength: 20 }), (first, second, marks) => {
      const tell = marks.map((mark) => ({ type: 'tell' as const, mark }));
      const subscribe = (wanted: readonly Pattern[]) => ({ type: 'subscribe' as const, agent: 'p', patterns: wanted });
      const poll = { type: 'poll' as const, agent: 'p', clear: true };
      const replaced = watched([subscribe(first), subscribe(second), ...tell, poll]);
      const plain = watched([subscribe(second), ...tell, poll]);
      expect(replaced.at(-1)!.polled).toEqual(plain.at(-1)!.polled);
      // What was pending for the first stays only where the second wants it, too.
      const late = watched([subscribe(first), ...tell, subscribe(second), poll]).at(-1)!.polled!;
      const both = marks.filter((mark) => isWanted(first, mark) && isWanted(second, mark));
      expect(late.notices.map(({ id }) => id)).toEqual(both.map(({ id }) => id));
    }),
  );
});

it('P49 nothing that was written before a subscription is delivered', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const since = new Map<string, number>();
      let order = 0;
      for (const { step, polled } of watched(given)) {
        if (step.type === 'tell') order += 1;
        if (step.type === 'subscribe' && !since.has(step.agent)) since.set(step.agent, order);
        if (step.type !== 'poll') continue;
        for (const notice of polled!.notices) expect(notice.order).toBeGreaterThanOrEqual(since.get(step.agent)!);
      }
    }),
  );
});

it('P50 all that matches is delivered, and nothing else', () => {
  fc.assert(
    fc.property(patterns, fc.array(markOf(), { maxLength: 20 }), (wanted, marks) => {
      const watch = createWatch({ isKnownTo: (_, scope) => scope !== 'w' });
      watch.subscribe('p', wanted);
      marks.forEach((mark, order) => {
        watch.tell({ ...mark, order });
      });
      const known = marks.filter((mark) => mark.scope !== 'w' && isWanted(wanted, mark));
      expect(watch.poll('p').notices.map(({ id }) => id)).toEqual(known.map(({ id }) => id));
    }),
  );
});

it('P51 what a poll has cleared does not come again, also when it is told again', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const watch = createWatch({ isKnownTo: () => true });
      for (const name of agents) watch.subscribe(name, [{}]);
      const cleared = new Set<string>();
      const told: Mark[] = [];
      for (const step of given) {
        if (step.type === 'tell') {
          told.push({ ...step.mark, order: told.length });
          for (const mark of told.slice(-3)) watch.tell(mark);
        }
        if (step.type !== 'poll') continue;
        for (const { order } of watch.poll(step.agent, { clear: step.clear }).notices) {
          expect(cleared.has(`${step.agent} ${order}`)).toBe(false);
          if (step.clear) cleared.add(`${step.agent} ${order}`);
        }
      }
    }),
  );
});

it('P52 notices come in write order; a watcher that does not poll keeps the newest and is told how many it lost', () => {
  fc.assert(
    fc.property(fc.array(markOf(), { maxLength: 30 }), fc.integer({ min: 1, max: 10 }), (marks, capacity) => {
      const watch = createWatch({ isKnownTo: () => true, capacity });
      watch.subscribe('p', [{}]);
      marks.forEach((mark, i) => {
        watch.tell({ ...mark, order: i * 2 });
      });
      const kept = marks.map((_, i) => i * 2).slice(-capacity);
      const { notices, lost } = watch.poll('p');
      expect(notices.map(({ order }) => order)).toEqual(kept);
      expect(lost).toBe(marks.length - kept.length);
      expect(watch.poll('p')).toEqual({ notices: [], lost: 0 });
    }),
  );
});

const stages = 4;
const kinds = fc.subarray<MarkKind>(['observation', 'need', 'action'], { minLength: 1 });

/** A pipeline without a flaw: stage i leaves marks in its own scope, and takes what stages before it leave. */
const sound: fc.Arbitrary<readonly Manifest[]> = fc
  .tuple(
    fc.array(kinds, { minLength: stages, maxLength: stages }),
    fc.array(fc.array(fc.nat({ max: stages - 1 }), { maxLength: 2 }), { minLength: stages, maxLength: stages }),
    fc.array(fc.option(fc.integer({ min: 1, max: 1_000 })), { minLength: stages, maxLength: stages }),
  )
  .map(([left, sources, every]) =>
    left.map((own, i) => ({
      agent: `a${i}`,
      inputs: [
        ...sources[i]!.filter((from) => from < i).map((from) => ({ scope: `s/${from}`, kinds: left[from]! })),
        { scope: 'world', isExternal: true },
      ],
      outputs: [{ scope: `s/${i}`, kinds: own }],
      ...(every[i] === null ? {} : { schedule: { everyMs: every[i]! } }),
    })),
  );
const anyone: MayWrite = () => true;
const kindsOf = (problems: readonly PipelineProblem[]) => problems.map(({ kind }) => kind);

it('P53 a pipeline is judged by its manifests alone: a sound one passes in any order, and a flaw is named', () => {
  fc.assert(
    fc.property(sound, fc.nat({ max: stages - 1 }), fc.nat({ max: stages - 1 }), (manifests, i, j) => {
      const shuffled = [...manifests.slice(i), ...manifests.slice(0, i)].map((one) => structuredClone(one));
      expect(validatePipeline(manifests, anyone)).toEqual([]);
      expect(validatePipeline(shuffled, anyone)).toEqual([]);
      const change = (to: Partial<Manifest>) => manifests.map((one, at) => (at === i ? { ...one, ...to } : one));

      const waiting = change({ inputs: [{ scope: 'nowhere' }] });
      expect(validatePipeline(waiting, anyone)).toMatchObject([{ kind: 'dangling-input', agents: [`a${i}`] }]);
      expect(kindsOf(validatePipeline([...manifests, manifests[i]!], anyone))).toContain('duplicate-agent');
      expect(kindsOf(validatePipeline(change({ schedule: { everyMs: -j } }), anyone))).toContain('bad-schedule');
      const lost = change({ outputs: [{ scope: '../x', kinds: ['need'] }, ...manifests[i]!.outputs] });
      expect(kindsOf(validatePipeline(lost, anyone))).toEqual(['bad-scope']);

      // From j back to i, which closes a circle where a way leads from i to j without a schedule on it.
      const { schedule: _, ...unpaced } = manifests[i]!;
      const back = { scope: `s/${j}`, kinds: manifests[j]!.outputs[0]!.kinds };
      const closed = manifests.map((one, at) => (at === i ? { ...unpaced, inputs: [...unpaced.inputs, back] } : one));
      const found = validatePipeline(closed, anyone);
      expect(kindsOf(found)).toEqual(isWokenBy(closed, i, j) ? ['cycle'] : []);
      for (const { agents: round } of found) expect(round).toEqual(expect.arrayContaining([`a${i}`, `a${j}`]));
    }),
  );
});

/** Whether marks of stage i come to wake stage j, or i is j, with no scheduled agent on the way. */
function isWokenBy(manifests: readonly Manifest[], i: number, j: number): boolean {
  const isWoken = (at: number) => manifests[at]!.schedule === undefined;
  const takes = (to: number, from: number) => manifests[to]!.inputs.some(({ scope }) => scope === `s/${from}`);
  const reached = new Set([i]);
  for (let at = i + 1; at < manifests.length; at += 1) {
    if (isWoken(at) && [...reached].some((from) => takes(at, from))) reached.add(at);
  }
  return reached.has(j) && isWoken(i);
}

it('P54 what a manifest declares and may not do is named, all of it and nothing else', () => {
  const permission = fc.tuple(
    fc.constantFrom('a0', 'a1', 'a2', 'a3'),
    fc.constantFrom(...markKinds),
    fc.nat({ max: stages }),
  );
  fc.assert(
    fc.property(sound, fc.array(permission, { maxLength: 10 }), (manifests, denied) => {
      const isDenied = (who: string, kind: string, scope: string) =>
        denied.some(([whom, what, where]) => whom === who && what === kind && scope === `s/${where}`);
      const problems = validatePipeline(manifests, (who, kind, scope) => !isDenied(who, kind, scope));
      const expected = manifests.flatMap(({ agent: who, outputs }) =>
        outputs.flatMap(({ scope, kinds: left }) => left.filter((kind) => isDenied(who, kind, scope)).map(() => who)),
      );
      expect(kindsOf(problems)).toEqual(expected.map(() => 'not-permitted'));
      expect(problems.flatMap(({ agents: whom }) => whom)).toEqual(expected);
    }),
  );
});

it('P55 whether a mark matches depends on pattern and mark alone, and changes neither', () => {
  fc.assert(
    fc.property(pattern, markOf(), (wanted, mark) => {
      const notice = Object.freeze(noticeOf(Object.freeze(mark)));
      const frozen = Object.freeze({ ...wanted, ...(wanted.kinds && { kinds: Object.freeze([...wanted.kinds]) }) });
      const answer = matches(frozen, notice);
      expect(matches(structuredClone(wanted), structuredClone(notice))).toBe(answer);
      const { scope, kinds: wantedKinds, topic: about, author, minStrength } = wanted;
      const parts = [
        scope === undefined || contains(scope, notice.scope),
        wantedKinds === undefined || wantedKinds.includes(notice.kind),
        about === undefined || about === notice.topic,
        author === undefined || author === notice.author,
        minStrength === undefined || notice.strength >= minStrength,
      ];
      expect(answer).toBe(parts.every(Boolean));
    }),
    { numRuns: 2_000 },
  );
});

it('P56 scheduled activations keep their interval, however late and often they are asked for', () => {
  const schedule = fc.record({ everyMs: fc.integer({ min: 1, max: 1_000 }), fromMs: fc.nat({ max: 2_000 }) });
  fc.assert(
    fc.property(schedule, fc.array(fc.nat({ max: 3_000 }), { maxLength: 40 }), ({ everyMs, fromMs }, gaps) => {
      let nowMs = 0;
      let state: ScheduleState = {};
      let lastMs = Number.NEGATIVE_INFINITY;
      let counted = 0;
      for (const gap of gaps) {
        nowMs += gap;
        const due = dueActivations({ p: { everyMs, fromMs } }, state, nowMs);
        expect(due).toEqual(dueActivations({ p: { everyMs, fromMs } }, state, nowMs));
        state = structuredClone(due.state);
        expect(due.activations.length).toBeLessThanOrEqual(1);
        for (const { dueAtMs, missed } of due.activations) {
          expect((dueAtMs - fromMs) % everyMs).toBe(0);
          expect(dueAtMs).toBeGreaterThanOrEqual(lastMs + everyMs);
          expect(nowMs - dueAtMs).toBeLessThan(everyMs);
          expect(nowMs).toBeGreaterThanOrEqual(dueAtMs);
          lastMs = dueAtMs;
          counted += 1 + missed;
        }
        // None is forgotten: given or counted as missed, there was one for every interval.
        expect(counted).toBe(nowMs < fromMs ? 0 : Math.floor((nowMs - fromMs) / everyMs) + 1);
      }
    }),
  );
});
