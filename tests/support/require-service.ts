import { it } from 'vitest';

/**
 * A loud skip: without the service the tests are skipped on a laptop, and fail
 * where REQUIRE_SERVICES=1 says that it must be there.
 * @param missing - Why the service cannot be used, or `null` when it can.
 * @returns `it`, or `it.skip` with the reason registered as a skipped test.
 */
export function itNeeds(service: string, missing: string | null): typeof it | typeof it.skip {
  if (missing === null) return it;
  if (process.env.REQUIRE_SERVICES === '1') {
    it(`needs ${service}`, () => {
      throw new Error(`${service} is required here (REQUIRE_SERVICES=1): ${missing}`);
    });
    return it.skip;
  }
  it.skip(`needs ${service}: ${missing}`, () => {});
  return it.skip;
}
