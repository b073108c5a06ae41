import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type AnyActorRef, type AnyStateMachine, type AnyStateNode, createActor, fromPromise } from 'xstate';

/** One invocation of an operation, settled by the test. */
export interface Operation {
  readonly name: string;
  readonly input: unknown;
  readonly signal: AbortSignal;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A machine under test: its operations wait for the test, and what it emits is kept. */
export interface Driven {
  readonly actor: AnyActorRef;
  readonly emitted: readonly { readonly type: string; readonly [key: string]: unknown }[];
  readonly operations: readonly Operation[];
  /** The state as a dotted path, such as `working.editing`. */
  state(): string;
  context(): Record<string, unknown>;
  send(event: { readonly type: string; readonly [key: string]: unknown }): void;
  /** The operation under way; fails unless it is the one that is named. */
  operation(name: string): Operation;
  /** Settles the named operation and lets the machine take it in. */
  resolve(name: string, value: unknown): Promise<void>;
  reject(name: string, error: unknown): Promise<void>;
}

/** Starts a machine whose operations are all held back. `clock` moves its delays. */
export function drive(
  machine: AnyStateMachine,
  names: readonly string[],
  options: { readonly input?: unknown; readonly clock?: unknown } = {},
): Driven {
  const operations: Operation[] = [];
  const actors = Object.fromEntries(names.map((name) => [name, heldBack(name, operations)]));
  const actor = createActor(machine.provide({ actors } as never), options as never);
  const emitted: { type: string }[] = [];
  actor.on('*', (event) => void emitted.push(event as { type: string }));
  // An error of a child that nobody handles must fail the test that looks at the state, not the process.
  actor.subscribe({ error: () => {} });
  actor.start();
  onTestFinished(() => void actor.stop());
  const driven: Driven = {
    actor,
    emitted,
    operations,
    state: () => pathOf(actor.getSnapshot().value),
    context: () => actor.getSnapshot().context as Record<string, unknown>,
    send: (event) => actor.send(event as never),
    operation(name) {
      const last = operations.at(-1);
      expect(last?.name, `the operation under way in ${driven.state()}`).toBe(name);
      return last!;
    },
    async resolve(name, value) {
      driven.operation(name).resolve(value);
      await settled();
    },
    async reject(name, error) {
      driven.operation(name).reject(error);
      await settled();
    },
  };
  return driven;
}

function heldBack(name: string, operations: Operation[]) {
  return fromPromise(
    ({ input, signal }) =>
      new Promise((resolve, reject) => void operations.push({ name, input, signal, resolve, reject })),
  );
}

/** Everything that promises already settled will bring about has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pathOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[key, inner]] = Object.entries(value as Record<string, unknown>) as [[string, unknown]];
  return `${key}.${pathOf(inner)}`;
}

/** Every state without states of its own, nested ones too, as dotted paths. */
export function leafStates(machine: AnyStateMachine): AnyStateNode[] {
  const walk = (node: AnyStateNode): AnyStateNode[] => {
    const children = Object.values(node.states);
    return children.length === 0 ? [node] : children.flatMap(walk);
  };
  return walk(machine.root);
}

/**
 * What a state does with an event: goes on to another state (or stays, when
 * `to` is its own name), answers that it is busy, or lets it pass on purpose.
 */
export type Response =
  | { readonly to: string; readonly emits: readonly string[]; readonly aborts?: boolean }
  | 'refused'
  | { readonly ignored: string };

/** `passing` states are left at once, so no event ever finds a machine in one. */
export type Row = Readonly<Record<string, Response>> | 'passing' | 'final';

export interface EventTable {
  readonly machine: AnyStateMachine;
  /** A sample of every event by type. */
  readonly events: Readonly<Record<string, { readonly type: string; readonly [key: string]: unknown }>>;
  readonly rows: Readonly<Record<string, Row>>;
  /** Drives the real machine into a state. */
  readonly reach: (state: string) => Promise<Driven>;
  /** States whose context holds more than JSON, with the reason. */
  readonly contextBeyondJson?: Readonly<Record<string, string>>;
}

/** Tests every pair of state and event; a state or an event without an entry fails. */
export function testEventTable(table: EventTable): void {
  const { machine, rows, events } = table;
  const states = leafStates(machine);
  const names = states.map((node) => node.path.join('.'));
  describe('state × event', () => {
    it('has a row for every state of the machine, and a column for every event', () => {
      expect(Object.keys(rows).sort()).toEqual([...names].sort());
      const own = (machine.events as readonly string[]).filter((type) => !type.startsWith('xstate.'));
      expect(Object.keys(events).sort()).toEqual(own.sort());
      for (const [state, row] of Object.entries(rows)) {
        if (typeof row === 'object') expect(Object.keys(row).sort(), state).toEqual(own);
      }
    });

    for (const node of states) testRow(table, node);
    for (const node of states.filter((n) => rows[n.path.join('.')] !== 'passing')) {
      const state = node.path.join('.');
      if (table.contextBeyondJson?.[state] !== undefined) continue;
      it(`keeps a context that survives JSON in ${state}`, async () => {
        const context = (await table.reach(state)).context();
        expect(JSON.parse(JSON.stringify(context))).toStrictEqual(context);
      });
    }
  });
}

function testRow(table: EventTable, node: AnyStateNode): void {
  const state = node.path.join('.');
  const row = table.rows[state];
  if (row === undefined) return;
  if (row === 'passing') {
    it(`${state} is left at once: its last transition has no condition`, () => {
      expect(node.always?.at(-1)?.guard).toBeUndefined();
      expect(node.always?.length).toBeGreaterThan(0);
      expect(node.invoke).toEqual([]);
    });
    return;
  }
  for (const [type, event] of Object.entries(table.events)) {
    const response = row === 'final' ? { ignored: 'the machine has ended' } : row[type];
    if (response === undefined) continue;
    it(`${state} × ${type}: ${describeResponse(response)}`, async () => {
      const driven = await table.reach(state);
      expect(driven.state()).toBe(state);
      // XState says on the console that an ended machine takes no event, which is what is tested here.
      if (row === 'final') onTestFinished(vi.spyOn(console, 'warn').mockImplementation(() => {}).mockRestore);
      await expectResponse(driven, event, response);
    });
  }
}

function describeResponse(response: Response): string {
  if (response === 'refused') return 'refused';
  if ('ignored' in response) return `ignored, ${response.ignored}`;
  return `→ ${response.to}${response.emits.length === 0 ? '' : `, emits ${response.emits.join(', ')}`}`;
}

async function expectResponse(driven: Driven, event: { readonly type: string }, response: Response): Promise<void> {
  const before = { state: driven.state(), context: JSON.stringify(driven.context()), at: driven.emitted.length };
  const underWay = driven.operations.filter((o) => !o.signal.aborted);
  driven.send(event);
  await settled();
  const emitted = driven.emitted.slice(before.at).map((e) => e.type);
  if (response === 'refused') expect(emitted).toEqual(['job.refused']);
  else expect(emitted).toEqual('ignored' in response ? [] : response.emits);
  if (response === 'refused' || 'ignored' in response) {
    expect(driven.state()).toBe(before.state);
    expect(JSON.stringify(driven.context())).toBe(before.context);
    expect(underWay.filter((o) => o.signal.aborted)).toEqual([]);
    return;
  }
  expect(driven.state()).toBe(response.to);
  if (response.aborts === true) expect(underWay.at(-1)?.signal.aborted).toBe(true);
}

/**
 * A cancelled job aborts the signal of its operation and is answered once;
 * what the operation still says, well or badly, comes too late.
 */
export function testCancelling(
  states: readonly string[],
  reach: (state: string) => Promise<Driven>,
  title = 'I2 I3: cancelling',
): void {
  for (const state of states) {
    it.each(['resolves', 'rejects'])(
      `${title} in ${state} aborts the operation and answers once, also when it %s late`,
      async (end) => {
        const driven = await reach(state);
        const operation = driven.operations.at(-1)!;
        expect(operation.signal.aborted).toBe(false);
        const before = driven.emitted.length;
        driven.send({ type: 'job.cancelled' });
        expect(operation.signal.aborted).toBe(true);
        if (end === 'resolves') operation.resolve({ late: true });
        else operation.reject(new Error('late'));
        await settled();
        expect(driven.emitted.slice(before)).toEqual([{ type: 'job.abandoned', error: 'cancelled' }]);
        expect(driven.state()).toBe('idle');
        driven.send({ type: 'job.cancelled' });
        expect(driven.emitted.length).toBe(before + 1);
      },
    );
  }
}
