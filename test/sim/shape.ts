/**
 * How a world differs from the usual one: a pool, three or four servers, no schedules, clocks that agree. Now and then there are fifty
 * servers, several pools, schedules, wall clocks that are hours apart. Chosen by a generator of its own, so that all other seeds stay
 * as they are.
 */
import { DEFAULT_POOL, type PoolId, poolId } from '../../shared/ids.ts';
import { Prng } from '../../shared/prng.ts';
import { HOUR, SECOND } from '../../shared/time.ts';

export interface Shape {
  readonly pools: readonly PoolId[];
  /** Undefined: as usual. */
  readonly servers: number | undefined;
  readonly policies: number | undefined;
  /** Policies that run by a schedule, besides the others. */
  readonly schedules: number;
  /** Writes that a store of many takes at once; etcd takes 126. */
  readonly storeWrites: number;
  /** How wrong the wall clocks of controllers may be, each by itself. */
  readonly wallErrorMs: number;
  /** Every second policy has health checks, and some of its attempts fail them. */
  readonly checks: boolean;
}

/** One world of so many is large. */
const LARGE_EVERY = 100;
/** How far the wall clocks of controllers are off where they are wrong. */
const WRONG_WALLS_MS = [30 * SECOND, HOUR, 48 * HOUR];
const OTHER_POOLS = [poolId('blue'), poolId('green')];

export function shapeOf(seed: number): Shape {
  const random = new Prng(seed + 5_000_011);
  const large = seed % LARGE_EVERY === 7;
  const several = large || random.chance(0.1);
  const pools = several ? [DEFAULT_POOL, ...OTHER_POOLS.slice(0, random.int(1, OTHER_POOLS.length))] : [DEFAULT_POOL];
  const schedules = random.chance(0.15) ? random.int(1, 3) : 0;
  const storeWrites = random.pick([4, 10, 126, 126]) ?? 126;
  const size = sizeOf(random, { large, several, pools: pools.length });
  // Mostly as NTP keeps them; one world in seven has controllers that disagree by hours, or days. Drawn last: what is above stays as it was.
  const wallErrorMs = (random.chance(1 / 7) ? random.pick(WRONG_WALLS_MS) : undefined) ?? SECOND;
  const checks = random.chance(0.2);
  return { pools, schedules, storeWrites, wallErrorMs, checks, ...size };
}

function sizeOf(
  random: Prng,
  { large, several, pools }: { readonly large: boolean; readonly several: boolean; readonly pools: number },
): Pick<Shape, 'servers' | 'policies'> {
  if (large) return { servers: random.int(50, 60), policies: random.int(12, 20) };
  if (!several) return { servers: undefined, policies: undefined };
  return { servers: pools * random.int(2, 3), policies: random.int(3, 5) };
}
