import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Ceiling, type CeilingLimits, machineAvailableMiB, type Place } from '../../sandboxes/ceiling.ts';
import { never } from '../conformance/sandbox.suite.ts';

const wide: CeilingLimits = { sandboxes: 100, memoryMiB: 10_000, minFreeMemoryMiB: 0 };
const quiet = () => {};
/** Lets everything that can go on without a timer go on. */
const settle = async () => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
};

/** Enters in the order of calls and remembers who got in. */
function visitors(ceiling: Ceiling, limits: CeilingLimits) {
  const inside: string[] = [];
  const places = new Map<string, Place>();
  const told: string[] = [];
  return {
    inside,
    told,
    place: (name: string) => places.get(name)!,
    leave: (name: string) => places.get(name)!.leave(),
    enter: async (name: string, memoryMiB: number, signal = never) => {
      const place = await ceiling.enter({ memoryMiB, limits }, signal, (why) => told.push(`${name}: ${why}`));
      inside.push(name);
      places.set(name, place);
    },
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a ceiling over sandboxes', () => {
  it('lets in as many as allowed, and the others in the order of their coming', async () => {
    const v = visitors(new Ceiling(), { ...wide, sandboxes: 2 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) void v.enter(name, 1);
    await settle();
    expect(v.inside).toEqual(['a', 'b']);
    v.leave('b');
    v.leave('b');
    await settle();
    expect(v.inside).toEqual(['a', 'b', 'c']);
    v.leave('a');
    v.leave('c');
    await settle();
    expect(v.inside).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('lets nobody overtake one that needs more', async () => {
    const v = visitors(new Ceiling(), { ...wide, memoryMiB: 100 });
    void v.enter('first', 60);
    void v.enter('large', 80);
    void v.enter('small', 10);
    await settle();
    expect(v.inside).toEqual(['first']);
    v.leave('first');
    await settle();
    expect(v.inside).toEqual(['first', 'large', 'small']);
  });

  it('counts the sandboxes of all runs, each run by its own limits', async () => {
    const ceiling = new Ceiling();
    const generous = visitors(ceiling, { ...wide, sandboxes: 3 });
    const modest = visitors(ceiling, { ...wide, sandboxes: 1 });
    void generous.enter('a', 1);
    void generous.enter('b', 1);
    void modest.enter('c', 1);
    await settle();
    expect([generous.inside, modest.inside]).toEqual([['a', 'b'], []]);
    generous.leave('a');
    generous.leave('b');
    await settle();
    expect(modest.inside).toEqual(['c']);
  });

  it('refuses at once what could never fit, and names the numbers and the settings', async () => {
    const refused = new Ceiling().enter({ memoryMiB: 576, limits: { ...wide, memoryMiB: 512 } }, never, quiet);
    await expect(refused).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/576 MiB.*sandbox\.memoryMiB.*512.*sandbox\.ceiling\.memoryMiB/),
    });
  });

  it('gives the turn on when the first in the queue no longer waits', async () => {
    const v = visitors(new Ceiling(), { ...wide, memoryMiB: 100 });
    const abort = new AbortController();
    void v.enter('a', 60);
    const cancelled = v.enter('b', 80, abort.signal);
    void v.enter('c', 40);
    await settle();
    abort.abort(new Error('not needed'));
    await expect(cancelled).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE', cause: { message: 'not needed' } });
    expect(v.inside).toEqual(['a', 'c']);
    await expect(v.enter('d', 1, abort.signal)).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('opens nothing while the machine is short of memory, and goes on when that is over', async () => {
    let availableMiB = 200;
    const v = visitors(new Ceiling(() => availableMiB), { ...wide, minFreeMemoryMiB: 256 });
    void v.enter('a', 1);
    void v.enter('b', 1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(v.inside).toEqual([]);
    availableMiB = 256;
    await vi.advanceTimersByTimeAsync(250);
    expect(v.inside).toEqual(['a', 'b']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('says why after two seconds, once for all who wait', async () => {
    let availableMiB = 200;
    const v = visitors(new Ceiling(() => availableMiB), { ...wide, sandboxes: 1, minFreeMemoryMiB: 256 });
    void v.enter('a', 1);
    void v.enter('b', 1);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(v.told).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(v.told).toEqual(['a: the machine has 200 MiB of memory left, and sandbox.ceiling.minFreeMemoryMiB is 256']);
    availableMiB = 1_000;
    await vi.advanceTimersByTimeAsync(250);
    v.leave('a');
    await settle();
    expect(v.inside).toEqual(['a', 'b']);
    void v.enter('c', 1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(v.told.slice(1)).toEqual(['c: 1 open already, and sandbox.ceiling.sandboxes is 1']);
  });

  it('asks back unused ones, oldest first and no more than needed, and waits until they are gone', async () => {
    const v = visitors(new Ceiling(), { ...wide, memoryMiB: 100 });
    const asked: string[] = [];
    for (const name of ['w1', 'w2', 'w3', 'w4']) {
      await v.enter(name, 20);
      v.place(name).offer(() => asked.push(name));
    }
    v.place('w2').keep();
    await v.enter('a', 20);
    expect(asked).toEqual([]);
    void v.enter('b', 40);
    await settle();
    expect(asked).toEqual(['w1', 'w3']);
    v.leave('w1');
    await settle();
    expect(v.inside).not.toContain('b');
    v.leave('w3');
    await settle();
    expect(v.inside).toContain('b');
    expect(asked).toEqual(['w1', 'w3']);
  });

  it('asks back one that becomes unused while somebody waits', async () => {
    const v = visitors(new Ceiling(), { ...wide, sandboxes: 1 });
    await v.enter('a', 1);
    void v.enter('b', 1);
    v.place('a').offer(() => v.leave('a'));
    await settle();
    expect(v.inside).toEqual(['a', 'b']);
  });

  it('has no room for unused ones while somebody waits', async () => {
    const ceiling = new Ceiling();
    const limits = { ...wide, memoryMiB: 100 };
    const v = visitors(ceiling, limits);
    await v.enter('a', 50);
    const spare = ceiling.enterIfRoom({ memoryMiB: 50, limits });
    expect(ceiling.enterIfRoom({ memoryMiB: 1, limits })).toBeNull();
    spare!.leave();
    void v.enter('b', 60);
    expect(ceiling.enterIfRoom({ memoryMiB: 1, limits })).toBeNull();
  });

  it('keeps its limits and forgets nobody, whatever happens in whichever order', async () => {
    const limits = { ...wide, sandboxes: 5, memoryMiB: 100 };
    const step = fc.oneof(
      fc.record({ what: fc.constant('enter'), size: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ what: fc.constantFrom('leave', 'offer', 'abort', 'spare'), at: fc.nat(20) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const ceiling = new Ceiling(() => 1_000);
        const open = new Map<Place, number>();
        const waiting: AbortController[] = [];
        let outcomes = 0;
        let entered = 0;
        const leave = (place: Place) => {
          open.delete(place);
          place.leave();
        };
        const enter = async (memoryMiB: number) => {
          const abort = new AbortController();
          waiting.push(abort);
          entered += 1;
          const place = await ceiling.enter({ memoryMiB, limits }, abort.signal, quiet).catch(() => null);
          outcomes += 1;
          if (place !== null) open.set(place, memoryMiB);
        };
        for (const next of steps) {
          const place = 'at' in next ? [...open.keys()][next.at % Math.max(1, open.size)] : undefined;
          if ('size' in next) void enter(next.size);
          else if (next.what === 'abort') waiting[next.at % Math.max(1, waiting.length)]?.abort();
          else if (next.what === 'spare') {
            const spare = ceiling.enterIfRoom({ memoryMiB: 10, limits });
            if (spare !== null) open.set(spare, 10);
            spare?.offer(() => leave(spare));
          } else if (next.what === 'leave' && place !== undefined) leave(place);
          else if (next.what === 'offer' && place !== undefined) place.offer(() => leave(place));
          await settle();
          expect(open.size).toBeLessThanOrEqual(5);
          expect([...open.values()].reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(100);
        }
        for (let left = steps.length; left >= 0; left -= 1) {
          for (const place of open.keys()) leave(place);
          await settle();
        }
        expect(outcomes).toBe(entered);
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });
});

it('knows what the machine could hand out', () => {
  expect(machineAvailableMiB()).toBeGreaterThan(50);
});
