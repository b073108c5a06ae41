import fc from 'fast-check';
import { type Draft, markKinds } from '../../../markspace/check.ts';
import { createMarkspace, type MarkspaceOptions } from '../../../markspace/guard.ts';
import type { Mark } from '../../../markspace/mark.ts';
import type { AgentHandle, Markspace } from '../../../markspace/markspace.ts';
import { defaultPolicy } from '../../../markspace/policy.ts';
import type { Member } from '../../../markspace/scopes/access.ts';
import type { MarkStore } from '../../../markspace/store.ts';
import { SimulatedClock } from '../../../src/core/clock.ts';
import { GalapagosError } from '../../../src/core/errors.ts';
import { parseRunId } from '../../../src/core/ids.ts';
import { markStores } from '../../support/mark-stores.ts';
import { itNeeds } from '../../support/require-service.ts';
import { memoryGenomes, memoryJournal } from '../space-fixture.ts';
import { agents, principal, type Step, scopePaths, toDraft } from './arbitraries.ts';

export interface World extends AsyncDisposable {
  readonly space: Markspace;
  readonly store: MarkStore;
  readonly clock: SimulatedClock;
  readonly journal: ReturnType<typeof memoryJournal>;
  as(agent: string): AgentHandle;
  /** Every mark there is, oldest first. */
  marks(): readonly Mark[];
}

/** Everybody may do everything everywhere, but has no authority. */
export const generous: readonly Member[] = agents.map((id) => ({
  id,
  grants: tops().map((scope) => ({ scope, read: true, write: markKinds, source: 'fleet' as const })),
}));

/** May do anything, and decides. */
const boss: Member = {
  id: principal,
  grants: tops().map((scope) => ({ scope, read: true, write: markKinds, source: 'fleet' as const })),
  authorities: tops().map((scope) => ({ scope, powers: ['lift', 'resolve', 'supersede'] as const })),
};

function tops(): string[] {
  return scopePaths.filter((path) => !path.includes('/'));
}

export const openScopes = tops().map((path) => ({ path }));

/** A markspace with the agents of the arbitraries and a principal; everything is allowed unless `changes` say otherwise. */
export function openWorld(store: MarkStore, changes: Partial<MarkspaceOptions> = {}): World {
  const clock = new SimulatedClock(0);
  const journal = memoryJournal();
  const space = createMarkspace({
    run: parseRunId('run-1'),
    lineages: [],
    store,
    journal,
    clock,
    genomes: memoryGenomes(),
    directory: '/nowhere',
    policy: defaultPolicy,
    scopes: openScopes,
    ...changes,
    members: [...(changes.members ?? generous), boss],
  });
  return {
    ...{ space, store, journal },
    clock: (changes.clock as SimulatedClock | undefined) ?? clock,
    as: (agent) => space.memberHandle(agent),
    marks: () => store.since(0),
    [Symbol.asyncDispose]: () => space[Symbol.asyncDispose](),
  };
}

/** How a step ended. Mark ids differ from run to run and are left out. */
export type Outcome =
  | { readonly ok: true; readonly status: string }
  | { readonly ok: false; readonly code: string; readonly check: unknown; readonly rule: unknown };

export interface Played {
  readonly step: Step;
  readonly outcome: Outcome;
  readonly error: GalapagosError | null;
  /** How often the step's tool was called. */
  readonly toolCalls: number;
  /** How many marks there were before and after. */
  readonly sizes: readonly [before: number, after: number];
}

/** Lets the steps happen one after another. */
export async function play(world: World, steps: readonly Step[]): Promise<readonly Played[]> {
  const played: Played[] = [];
  for (const step of steps) {
    const before = world.store.size;
    let toolCalls = 0;
    const tool = () => {
      toolCalls += 1;
      if (step.type === 'act' && step.throws) throw new Error('the tool broke');
      return { done: true };
    };
    let outcome: Outcome = { ok: true, status: 'done' };
    let error: GalapagosError | null = null;
    try {
      const status = await happen(world, step, tool);
      outcome = { ok: true, status };
    } catch (thrown) {
      if (!(thrown instanceof GalapagosError)) throw thrown;
      error = thrown;
      const { code, details } = thrown;
      outcome = { ok: false, code, check: details.check, rule: details.rule };
    }
    played.push({ step, outcome, error, toolCalls, sizes: [before, world.store.size] });
  }
  return played;
}

async function happen(world: World, step: Step, tool: () => unknown): Promise<string> {
  if (step.type === 'wait') {
    world.clock.increment(step.ms);
    return 'waited';
  }
  const handle = world.as(step.agent);
  const marks = world.marks().filter((mark) => step.type !== 'warn' || isContestable(mark));
  const target = 'target' in step ? (marks[step.target % Math.max(1, marks.length)] ?? null) : null;
  const named = target?.id ?? 'no-such-mark';
  switch (step.type) {
    case 'write':
      return (await handle.write(step.draft as Draft)).kind;
    case 'supersede':
      return (await handle.write(successorOf(target))).kind;
    case 'warn':
      return (await handle.write({ ...step.draft, fields: { ...step.draft.fields, invalidates: named } })).kind;
    case 'act': {
      const { scope, resource } = step;
      return (await handle.act({ scope, resource, action: 'use', tool })).status;
    }
    case 'close':
      return (await (target?.kind === 'need' ? handle.resolve(named, 'answer') : handle.withdraw(named, 'reason')))
        .kind;
    case 'query':
      return `${(await handle.query({ scope: step.scope, below: true })).length} views`;
  }
}

const isContestable = ({ kind }: Mark) => kind === 'observation' || kind === 'action';

/** The same again, in its place. */
function successorOf(target: Mark | null): Draft {
  if (target === null) return { kind: 'need', scope: 'x', topic: null, fields: { supersedes: 'no-such-mark' } };
  const draft = toDraft(target);
  return { ...draft, fields: { ...draft.fields, supersedes: target.id } };
}

/** A property of the space, checked on every store there is: often in memory, less often where a write costs something. */
export function holds(title: string, property: (open: () => Promise<MarkStore>) => fc.IAsyncProperty<unknown>): void {
  for (const { name, open, missing } of markStores) {
    itNeeds(name, missing)(`${title} (${name})`, async () => {
      await fc.assert(property(open), { numRuns: name === 'memory' ? 40 : 6 });
    });
  }
}
