import type { Parameters } from 'fast-check';

/** How often the properties are tried: LOCUM_RUNS of the environment (default 300). LOCUM_SEED says from where (test/seed.ts). */
export function propertyRuns(): Pick<Parameters<unknown>, 'numRuns'> {
  return { numRuns: Number(process.env['LOCUM_RUNS'] ?? 300) };
}
