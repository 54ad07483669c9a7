import { describe, expect, it } from 'vitest';
import { avoid, countSetback, skippedServers } from '../../../../controller/core/placement/setback.ts';
import type { Attempt, Run } from '../../../../controller/core/records/state.ts';
import { serverId } from '../../../../shared/ids.ts';
import { LIMITS } from '../../../../shared/limits.ts';

describe('setbacks', () => {
  it('are kept of a bounded number of servers, the newest, whatever a run goes through', () => {
    const run = { skips: [] } as unknown as Run;
    const servers = Array.from({ length: 10_000 }, (_, i) => serverId(`web-${i}`));
    for (const [age, server] of servers.entries()) {
      const attempt = { server, assignAge: age } as unknown as Attempt;
      avoid(run, attempt, countSetback(run, attempt, 'REFUSED', age), age);
    }
    // One that fails again is new again.
    const again = { server: servers.at(-LIMITS.runSkips), assignAge: 10_000 } as unknown as Attempt;
    avoid(run, again, countSetback(run, again, 'LAPSED', 10_000), 10_000);
    const next = { server: serverId('last'), assignAge: 10_001 } as unknown as Attempt;
    countSetback(run, next, 'LAPSED', 10_001);
    expect(run.skips.length).toBe(LIMITS.runSkips);
    expect(run.skips.find(({ server }) => server === again.server)?.count).toBe(2);
    expect(skippedServers(run, 10_001)).toEqual([...servers.slice(2 - LIMITS.runSkips), again.server]);
  });
});
