import { it } from 'vitest';

export type TestFunction = typeof it | typeof it.skip;

/**
 * A loud skip: without the service the tests are skipped on a laptop, and fail
 * where REQUIRE_SERVICES=1 says that it must be there.
 * @param missing - Why the service cannot be used, or `null` when it can.
 * @returns `it`, or `it.skip` with the reason registered as a skipped test.
 */
export function itNeeds(service: string, missing: string | null): TestFunction {
  if (missing === null) return it;
  if (process.env.REQUIRE_SERVICES === '1') {
    it(`needs ${service}`, () => {
      throw new Error(`${service} is required here (REQUIRE_SERVICES=1): ${missing}`);
    });
    return it.skip;
  }
  return itWith(service, missing);
}

/**
 * A test against something that not every place where all services run has:
 * without it, a loud skip under `REQUIRE_SERVICES=1` too.
 * @param missing - Why it cannot be used, or `null` when it can.
 */
export function itWith(what: string, missing: string | null): TestFunction {
  if (missing === null) return it;
  it.skip(`needs ${what}: ${missing}`, () => {});
  return it.skip;
}
