import { describe, it } from 'vitest';
import { busClosingTests } from './bus/closing.ts';
import { busEventTests } from './bus/events.ts';
import { busJobTests } from './bus/jobs.ts';
import { busLeaseTests } from './bus/leases.ts';
import { busRequestTests } from './bus/requests.ts';
import type { OpenBus } from './bus/setup.ts';

/**
 * The contract of `Bus`. An adapter is done when it passes this unchanged.
 * @param open - Opens a bus for a run of its own; the suite closes it.
 * @param options.it - The test function to use, `itNeeds(…)` for adapters that need a service.
 */
export function busSuite(
  name: string,
  open: OpenBus,
  options: { readonly it?: typeof it | typeof it.skip } = {},
): void {
  const test = options.it ?? it;
  describe(`Bus contract: ${name}`, () => {
    describe('events', () => busEventTests(open, test));
    describe('requests', () => busRequestTests(open, test));
    describe('jobs', () => busJobTests(open, test));
    describe('leases', () => busLeaseTests(open, test));
    describe('closing', () => busClosingTests(open, test));
  });
}
