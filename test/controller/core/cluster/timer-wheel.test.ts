import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerWheel } from '../../../../controller/core/cluster/timer-wheel.ts';
import { propertyRuns } from '../property.ts';

/** What a shell with one timer would hear of: each wake-up, and what was due then. */
function drain(wheel: TimerWheel<string>, untilMs: number): { wakeUps: number; fired: [number, string][] } {
  const fired: [number, string][] = [];
  let wakeUps = 0;
  for (let at = wheel.nextAt(); at !== undefined && at <= untilMs; at = wheel.nextAt()) {
    wakeUps += 1;
    for (const key of wheel.due(at)) fired.push([at, key]);
  }
  return { wakeUps, fired };
}

const key = fc.integer({ min: 0, max: 4 });
/** Around the width of a slot, at its fractions, in the past, and far away. */
const span = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.double({ min: 0, max: 40, noNaN: true }),
  fc.integer({ min: -50, max: 100_000 }),
);
const call = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), key, span }),
  fc.record({ kind: fc.constant('cancel' as const), key }),
  fc.record({ kind: fc.constant('pass' as const), span }),
  fc.record({ kind: fc.constant('wake' as const) }),
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

/** Plays calls to a wheel and to a plain map of deadlines, and compares them after each. */
function play(calls: readonly Call[]) {
  const wheel = new TimerWheel<number>();
  const naive = new Map<number, number>();
  let now = 1_000;
  for (const one of calls) {
    switch (one.kind) {
      case 'set':
        wheel.set(one.key, now + one.span);
        naive.set(one.key, now + one.span);
        break;
      case 'cancel':
        wheel.cancel(one.key);
        naive.delete(one.key);
        break;
      case 'pass':
        now += Math.max(0, one.span);
        compareDue(wheel, naive, now);
        break;
      case 'wake':
        now = Math.max(now, wheel.nextAt() ?? now);
        compareDue(wheel, naive, now);
    }
    const next = wheel.nextAt();
    expect(next === undefined).toBe(naive.size === 0);
    expect(next ?? 0).toBeLessThanOrEqual(Math.min(...naive.values()));
    expect(wheel.size).toBe(naive.size);
  }
  return { wheel, naive, now };
}

function compareDue(wheel: TimerWheel<number>, naive: Map<number, number>, now: number): void {
  const expected = [...naive].filter(([, at]) => at <= now).sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  for (const [due] of expected) naive.delete(due);
  expect(wheel.due(now)).toEqual(expected.map(([due]) => due));
}

describe('a timer wheel', () => {
  it('hands out a key at its deadline, not before, and once', () => {
    const wheel = new TimerWheel<string>();
    wheel.set('a', 45_000);
    expect(wheel.due(44_999.999)).toEqual([]);
    expect(wheel.due(45_000)).toEqual(['a']);
    expect(wheel.due(45_000)).toEqual([]);
    expect(wheel.nextAt()).toBeUndefined();
  });

  it('hands out keys by deadline, and equal ones by key', () => {
    const wheel = new TimerWheel<string>();
    for (const [key, at] of [
      ['d', 30.5],
      ['b', 30.25],
      ['c', 30.25],
      ['a', 1e7],
    ] as const)
      wheel.set(key, at);
    expect(wheel.due(1e8)).toEqual(['b', 'c', 'd', 'a']);
  });

  it('follows a deadline that is put off, brought forward and put off again', () => {
    const wheel = new TimerWheel<string>();
    wheel.set('a', 1_000);
    wheel.set('a', 5_000);
    wheel.set('a', 100);
    wheel.set('a', 102);
    wheel.set('a', 3_000);
    expect(wheel.at('a')).toBe(3_000);
    expect(wheel.due(2_999)).toEqual([]);
    expect(wheel.due(3_000)).toEqual(['a']);
    expect(wheel.due(9_000)).toEqual([]);
  });

  it('wakes for the earliest deadline of a slot, also one that was brought forward within it', () => {
    const wheel = new TimerWheel<string>();
    wheel.set('a', 1_007);
    wheel.set('b', 1_006);
    wheel.set('a', 1_001);
    expect(wheel.nextAt()).toBe(1_001);
    expect(drain(wheel, 2_000)).toEqual({
      wakeUps: 2,
      fired: [
        [1_001, 'a'],
        [1_006, 'b'],
      ],
    });
  });

  it('forgets a cancelled key, also when it is set again', () => {
    const wheel = new TimerWheel<string>();
    wheel.set('a', 10);
    expect(wheel.cancel('a')).toBe(true);
    expect(wheel.cancel('a')).toBe(false);
    expect(wheel.due(20)).toEqual([]);
    wheel.set('a', 30);
    wheel.cancel('a');
    wheel.set('a', 31);
    expect(drain(wheel, 1_000).fired).toEqual([[31, 'a']]);
  });

  it('fires on the spot what is set in the past', () => {
    const wheel = new TimerWheel<string>();
    wheel.due(1_000);
    wheel.set('a', 5);
    expect(wheel.nextAt()).toBe(5);
    expect(wheel.due(1_000)).toEqual(['a']);
  });

  it('keeps deadlines of weeks and milliseconds side by side, over a clock that jumps', () => {
    const wheel = new TimerWheel<string>();
    wheel.set('weeks', 30 * 86_400_000);
    wheel.set('soon', 1);
    wheel.set('day', 86_400_000);
    expect(drain(wheel, 100)).toEqual({ wakeUps: 1, fired: [[1, 'soon']] });
    expect(wheel.due(20 * 86_400_000)).toEqual(['day']);
    expect(wheel.due(400 * 86_400_000)).toEqual(['weeks']);
  });

  it('refuses a deadline that is no time', () => {
    const wheel = new TimerWheel<string>();
    expect(() => wheel.set('a', Number.NaN)).toThrow('deadline of a');
    expect(() => wheel.set('a', Number.POSITIVE_INFINITY)).toThrow('deadline of a');
  });

  it('fires every key of a driven timer exactly at its deadline', () => {
    const wheel = new TimerWheel<string>();
    const expected: [number, string][] = [];
    for (let i = 0; i < 500; i++) {
      const at = ((i * 7919) % 20_000) + i / 512;
      wheel.set(`k${i}`, at);
      expected.push([at, `k${i}`]);
    }
    expect(drain(wheel, 1e9).fired).toEqual(expected.sort((a, b) => a[0] - b[0]));
  });

  it('looks at servers that stay alive about once per threshold, not per heartbeat', () => {
    const wheel = new TimerWheel<string>();
    const [servers, thresholdMs, beatMs] = [200, 45_000, 5_000];
    let beats = 0;
    let wakeUps = 0;
    for (let beat = 0; beat < 90; beat++) {
      for (let server = 0; server < servers; server++) {
        const now = beat * beatMs + server * 25;
        wakeUps += drain(wheel, now).wakeUps;
        wheel.set(`s${server}`, now + thresholdMs);
        beats += 1;
      }
    }
    expect(beats).toBe(18_000);
    // A look finds a deadline at least a threshold less one interval away: 450 s hold 11 looks, and 90 heartbeats.
    expect(wakeUps).toBeLessThanOrEqual(Math.floor(450_000 / (thresholdMs - beatMs)) * servers);
    expect(wakeUps).toBeGreaterThan(0);
  });

  it('does not grow with keys that are set and cancelled, or set earlier and earlier', () => {
    const wheel = new TimerWheel<string>();
    const far = 86_400_000;
    for (let i = 0; i < 20_000; i++) {
      wheel.set(`k${i}`, far + i * 100);
      wheel.cancel(`k${i}`);
      wheel.set('hastened', 2 * far - i * 100);
    }
    expect(wheel.size).toBe(1);
    const { wakeUps, fired } = drain(wheel, 3 * far);
    expect(fired).toEqual([[2 * far - 19_999 * 100, 'hastened']]);
    expect(wakeUps).toBeLessThanOrEqual(200);
  });

  it('agrees with a plain map of deadlines under any sequence of calls', () => {
    const property = fc.property(fc.array(call, { maxLength: 120 }), (calls) => {
      const { wheel, naive, now } = play(calls);
      // The lower bound converges: a timer that follows it fires all keys, after at most one look per key and move.
      let wakeUps = 0;
      for (let at = wheel.nextAt(); at !== undefined; at = wheel.nextAt()) {
        wakeUps += 1;
        for (const key of wheel.due(Math.max(now, at))) naive.delete(key);
      }
      expect(naive.size).toBe(0);
      expect(wakeUps).toBeLessThanOrEqual(calls.length);
    });
    fc.assert(property, propertyRuns());
  });
});
