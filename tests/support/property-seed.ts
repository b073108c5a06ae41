import fc from 'fast-check';

/**
 * The same cases every time, so that a change is what makes a test fail.
 * `PROPERTY_SEED=1`, `2`, … tries other cases; `PROPERTY_RUNS` tries more of
 * them where a test does not say how many.
 */
const { PROPERTY_SEED: seed = '1859', PROPERTY_RUNS: runs } = process.env;

fc.configureGlobal({ seed: Number(seed), ...(runs === undefined ? {} : { numRuns: Number(runs) }) });
