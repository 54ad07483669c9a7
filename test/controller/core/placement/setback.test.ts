import { describe, expect, it } from 'vitest';
import { avoided, nextSetback, skippedServers, withSkip } from '../../../../controller/core/placement/setback.ts';
import type { RunReason } from '../../../../controller/core/records/run-reason.ts';
import type { Attempt, Run } from '../../../../controller/core/records/state.ts';
import { present } from '../../../../shared/assert.ts';
import { type ServerId, serverId } from '../../../../shared/ids.ts';
import { LIMITS } from '../../../../shared/limits.ts';

describe('setbacks', () => {
  it('are kept of a bounded number of servers, the newest, whatever a run goes through', () => {
    let run: Pick<Run, 'skips'> = { skips: [] };
    const servers = Array.from({ length: 10_000 }, (_, i) => serverId(`web-${i}`));
    const fail = (server: ServerId, reason: RunReason, age: number): void => {
      const attempt = { server, assignAge: age } as unknown as Attempt;
      run = { skips: withSkip(run, avoided(attempt, nextSetback(run, attempt, reason, age), age)) };
    };
    for (const [age, server] of servers.entries()) fail(server, 'REFUSED', age);
    // One that fails again is new again.
    const again = present(servers.at(-LIMITS.runSkips), 'there are more');
    fail(again, 'LAPSED', 10_000);
    const next = { server: serverId('last'), assignAge: 10_001 } as unknown as Attempt;
    run = { skips: withSkip(run, nextSetback(run, next, 'LAPSED', 10_001)) };
    expect(run.skips.length).toBe(LIMITS.runSkips);
    expect(run.skips.find(({ server }) => server === again)?.count).toBe(2);
    expect(skippedServers(run, 10_001)).toEqual([...servers.slice(2 - LIMITS.runSkips), again]);
  });
});
