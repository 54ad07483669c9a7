import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkTimers, DRIFT, takeoverWaitMs } from '../../../../controller/core/records/timers.ts';
import { DEFAULT_TIMERS, type Timers } from '../../../../shared/protocol/timers.ts';
import { propertyRuns } from '../property.ts';

const TTL = { electionTtlMs: 5_000 };
const DEMO: Timers = {
  heartbeatMs: 200,
  suspectAfterMs: 700,
  leaseMs: 1_000,
  stopTimeoutMs: 400,
  killGuardMs: 400,
  missingAfterMs: 2_250,
};

function broken(timers: Partial<Timers>, base: Timers = DEFAULT_TIMERS): string {
  const check = checkTimers({ ...base, ...timers }, TTL);
  return check.kind === 'ok' ? 'none' : check.inequality;
}

describe('the takeover wait', () => {
  it('is missing_after with the defaults, and longer for a policy that may take longer to stop', () => {
    expect(takeoverWaitMs(DEFAULT_TIMERS)).toBe(45_000);
    expect(takeoverWaitMs({ ...DEFAULT_TIMERS, stopTimeoutMs: 30_000 })).toBe(68_750);
    expect(takeoverWaitMs({ ...DEFAULT_TIMERS, stopTimeoutMs: 0 })).toBe(45_000);
    expect(takeoverWaitMs(DEMO)).toBe(2_250);
  });
});

describe('the inequalities of the timers', () => {
  it('hold for the defaults and for the short timers of the demo', () => {
    expect(checkTimers(DEFAULT_TIMERS, TTL)).toEqual({ kind: 'ok' });
    expect(checkTimers(DEMO, TTL)).toEqual({ kind: 'ok' });
  });

  it('are named when they break, with the figures', () => {
    expect(checkTimers({ ...DEFAULT_TIMERS, missingAfterMs: 43_749 }, TTL)).toEqual({
      kind: 'error',
      inequality: 'F·(L + G + K) ≤ M',
      detail: 'F·(L + G + K) ≤ M does not hold: 43.75 s must be at most 43.749 s.',
    });
    expect(broken({ heartbeatMs: 0 })).toBe('0 < h');
    expect(broken({ heartbeatMs: 6_000 })).toBe('3·1.1·h + 1 s ≤ L');
    expect(broken({ suspectAfterMs: 11_999 })).toBe('2·1.1·h + 1 s ≤ suspect_after');
    expect(broken({ suspectAfterMs: 20_000 })).toBe('suspect_after < L');
    expect(broken({ stopTimeoutMs: 600_001 })).toBe('G ≤ 10 min');
    expect(broken({ killGuardMs: -1 })).toBe('0 ≤ killGuardMs');
    expect(broken({ leaseMs: Number.NaN })).toBe('0 ≤ leaseMs');
    const slowElection = checkTimers(DEFAULT_TIMERS, { electionTtlMs: 10_401 });
    expect(slowElection).toMatchObject({ inequality: '1.1·h + max(4 s, TTL + 1.1 s) + 3 s ≤ L' });
    const slowPings = checkTimers(DEFAULT_TIMERS, { ...TTL, keepaliveTimeMs: 10_001 });
    expect(slowPings).toMatchObject({ inequality: 'keepalive time + timeout ≤ 15 s' });
  });

  it('pass when they are met exactly', () => {
    expect(broken({ heartbeatMs: 5_000, suspectAfterMs: 12_000, missingAfterMs: 43_750 })).toBe('none');
    expect(checkTimers(DEFAULT_TIMERS, { electionTtlMs: 10_400 }).kind).toBe('ok');
    expect(broken({ heartbeatMs: 10_000, leaseMs: 34_000, suspectAfterMs: 23_000, missingAfterMs: 61_250 })).toBe(
      'none',
    );
    expect(broken({ heartbeatMs: 10_001, leaseMs: 34_000, suspectAfterMs: 33_000, missingAfterMs: 61_250 })).toBe(
      '3·1.1·h + 1 s ≤ L',
    );
  });

  it('scale their fixed seconds with a short lease, and nothing else', () => {
    expect(broken({ missingAfterMs: 2_249 }, DEMO)).toBe('F·(L + G + K) ≤ M');
    expect(broken({ heartbeatMs: 290 }, DEMO)).toBe('3·1.1·h + 1 s ≤ L');
    expect(broken({ suspectAfterMs: 489 }, DEMO)).toBe('2·1.1·h + 1 s ≤ suspect_after');
    expect(checkTimers(DEMO, { electionTtlMs: 11_500 }).kind).toBe('ok');
    expect(checkTimers(DEMO, { electionTtlMs: 11_501 })).toMatchObject({
      inequality: '1.1·h + max(4 s, TTL + 1.1 s) + 3 s ≤ L',
    });
  });

  it('are the ones of the semantics, letter by letter, from the default lease on', () => {
    const seconds = (min: number, max: number) => fc.integer({ min: min * 1_000, max: max * 1_000 });
    const timers = fc.record({
      heartbeatMs: seconds(1, 20),
      suspectAfterMs: seconds(1, 60),
      leaseMs: seconds(20, 60),
      stopTimeoutMs: seconds(0, 60),
      killGuardMs: seconds(0, 20),
      missingAfterMs: seconds(20, 200),
    });
    const property = fc.property(timers, seconds(1, 20), (t, electionTtlMs) => {
      const [h, L] = [t.heartbeatMs, t.leaseMs];
      const expected =
        33 * h + 10_000 <= 10 * L &&
        22 * h + 10_000 <= 10 * t.suspectAfterMs &&
        t.suspectAfterMs < L &&
        DRIFT * (L + t.stopTimeoutMs + t.killGuardMs) <= t.missingAfterMs &&
        11 * h + 10 * Math.max(4_000, electionTtlMs + 1_100) + 30_000 <= 10 * L;
      expect(checkTimers(t, { electionTtlMs }).kind).toBe(expected ? 'ok' : 'error');
    });
    fc.assert(property, propertyRuns());
  });
});
