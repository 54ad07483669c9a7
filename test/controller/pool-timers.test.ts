import { describe, expect, it } from 'vitest';
import { DEFAULT_TIMERS } from '../../shared/protocol/timers.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { inWorld } from './controller-world.ts';

/** What 1.1·h + TTL + 1.1 s + 3 s ≤ L leaves for the TTL, with the default h of 5 s and L of 20 s. */
const LONGEST_TTL_MS = 10_400;
const INEQUALITY = '1.1·h + max(4 s, TTL + 1.1 s) + 3 s ≤ L';

const inequalityOf = (asked: Promise<unknown>): Promise<string | undefined> =>
  asked.then(
    () => undefined,
    (error: unknown) => fromConnectError(error)?.metadata['inequality'],
  );

describe('timers of a pool', () => {
  it(
    'are held to the election TTL of this controller',
    inWorld(async (world) => {
      await world.stop();
      await world.start({ electionTtlMs: LONGEST_TTL_MS, initialTimers: DEFAULT_TIMERS });
      await world.api.pools.createPool({ pool: { name: 'pools/east' } });
      const timers = { heartbeatInterval: { seconds: 5n, nanos: 100_000_000 } };
      const updated = world.api.pools.updatePool({
        pool: { name: 'pools/east', timers },
        updateMask: { paths: ['timers.heartbeat_interval'] },
      });
      expect(await inequalityOf(updated)).toBe(INEQUALITY);
      await world.stop();
      await world.start({ electionTtlMs: LONGEST_TTL_MS + 1, initialTimers: DEFAULT_TIMERS });
      const created = world.api.pools.createPool({ pool: { name: 'pools/west' } });
      expect(await inequalityOf(created)).toBe(INEQUALITY);
    }),
  );
});
