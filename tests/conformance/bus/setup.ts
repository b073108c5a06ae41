import type { it } from 'vitest';
import type { Bus } from '../../../src/bus/bus.ts';
import type { BusFaults } from '../../../src/bus/job-policy.ts';
import { type LineageId, parseLineageId, parseRunId, type RunId } from '../../../src/core/ids.ts';
import { subjects } from '../../../src/core/subjects.ts';

export interface OpenBusOptions {
  readonly faults?: BusFaults;
  readonly drainMs?: number;
}
export type OpenBus = (run: RunId, options?: OpenBusOptions) => Promise<Bus>;
export type TestFunction = typeof it | typeof it.skip;

let runs = 0;

/** A run that no other test of this file has. */
export function freshRun(): RunId {
  runs += 1;
  return parseRunId(`run-${runs}`);
}

export const lineage: LineageId = parseLineageId('a');
export const queueOf = (run: RunId) => subjects.jobs(run, 'solver', lineage);
export const factOf = (run: RunId, id = 'a', type = 'seen') => subjects.facts(run, 'lineage', id, type);

/** A signal that never aborts. */
export const calm: AbortSignal = new AbortController().signal;

/** A promise settled by hand: concurrency is driven, not slept for. */
export function deferred<T = void>() {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((a, b) => {
    resolve = a;
    reject = b;
  });
  return { promise, resolve, reject };
}

/** Collects what a handler is given and says when there are `count` of them. */
export function collector<T>(count: number) {
  const items: T[] = [];
  const full = deferred<readonly T[]>();
  return {
    items,
    full: full.promise,
    push(item: T) {
      items.push(item);
      if (items.length === count) full.resolve(items);
    },
  };
}

/** Text of one mebibyte, four times what a message carries inline. */
export const mebibyte = 'ä'.repeat(2 ** 19);
