import type { Parameters } from 'fast-check';

/**
 * How often the properties are tried, and from where: LOCUM_RUNS (default 300) and LOCUM_SEED of the
 * environment. A failure prints its seed; without one in the environment each run of the tests takes a new one.
 */
export function propertyRuns(): Pick<Parameters<unknown>, 'numRuns' | 'seed'> {
  const { LOCUM_RUNS: runs = '300', LOCUM_SEED: seed } = process.env;
  return { numRuns: Number(runs), ...(seed === undefined ? {} : { seed: Number(seed) }) };
}
