import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { SandboxGap, SandboxProvider } from '../../sandboxes/sandbox.ts';
import { itNeeds } from '../support/require-service.ts';
import { hostileCases } from './hostile/cases.ts';
import { describeVerdict, judge } from './hostile/hostile-case.ts';

/**
 * Every hostile program against a provider: each is contained and reported with
 * the right reason, or a declared gap excuses it. A declared gap must be one:
 * of the programs that it excuses, at least one gets through.
 */
export function hostileSuite(name: string, create: () => SandboxProvider, missing: string | null = null): void {
  describe(`Hostile programs: ${name}`, () => {
    const test = itNeeds(name, missing);
    const gotThrough = new Set<SandboxGap>();
    const ran = new Set<SandboxGap>();
    let provider: SandboxProvider;
    beforeAll(() => {
      provider = create();
    });
    afterAll(() => provider[Symbol.asyncDispose]());

    const gaps = create().gaps;
    for (const hostile of hostileCases) {
      const isGap = hostile.gap !== null && gaps.includes(hostile.gap);
      const isFor = hostile.isSlowUncontained !== true || !isGap || process.env.GALAPAGOS_FULL === '1';
      (isFor ? test : test.skip)(`${hostile.name}: ${hostile.what}`, { timeout: 60_000 }, async (context) => {
        const verdict = await judge(hostile, provider);
        if (verdict.kind === 'not measured') {
          if (process.env.REQUIRE_SERVICES === '1') throw new Error(verdict.reason);
          context.skip(verdict.reason);
        }
        if (verdict.kind === 'gap') {
          ran.add(verdict.gap);
          if (!verdict.isContained) gotThrough.add(verdict.gap);
          return;
        }
        expect(verdict.kind, describeVerdict(verdict)).toBe('contained');
      });
    }

    test('lets something through every gap that it declares', () => {
      expect([...ran].sort(), 'remove from the gaps what is closed').toEqual([...gotThrough].sort());
    });
  });
}
