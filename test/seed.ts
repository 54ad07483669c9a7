const FIXED = 1;
const BOUND = 1_000_000;

/**
 * Where the random choices of the tests begin: LOCUM_SEED of the environment, `random` for another one at each call. Default: always the
 * same, so that a red test is of the change it is seen at. The commands that search (`npm run sim`, `fuzz`, `histories`) begin anywhere.
 */
export function testSeed(): number {
  const given = process.env['LOCUM_SEED'] ?? String(FIXED);
  const seed = given === 'random' ? Math.floor(Math.random() * BOUND) : Number(given);
  if (!Number.isInteger(seed)) throw new Error(`LOCUM_SEED is "${given}": neither an integer nor "random"`);
  return seed;
}
