/** The keeper's judgement on virtual time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Decision,
  decide,
  extended,
  firstKill,
  KILL_RETRY_MS,
  type Order,
  type Stage,
  stopNow,
  type Terms,
} from '../../../keeper/core/deadline.ts';
import type { Reading } from '../../../shared/lease-clock.ts';

const STOP: Terms = { stopsAtDeadline: true, stopTimeoutMs: 10_000, killGuardMs: 5_000 };
const HOLD: Terms = { ...STOP, stopsAtDeadline: false };
const running: Stage = { kind: 'running' };

/** Both clocks alike, unless boot time is said to be ahead: after a suspend. */
const at = (mono: number, boot = mono): Reading => ({ mono, boot });
const D = at(20_000);

/** Looks exactly when it is told to, until a time; every order with the time at which it was given. */
function follow(stage: Stage, terms: Terms, deadline: Reading, from: number, to: number): Array<[number, Order]> {
  const given: Array<[number, Order]> = [];
  let decision: Decision = { stage, order: 'nothing', wakeMs: 0 };
  for (let now = from; now <= to; now += Math.max(1, Math.ceil(decision.wakeMs))) {
    decision = decide(decision.stage, terms, deadline, at(now));
    if (decision.order !== 'nothing') given.push([now, decision.order]);
  }
  return given;
}

describe('an attempt that runs', () => {
  it('is left alone until its deadline, then told to end, then killed, then killed again every second', () => {
    expect(follow(running, STOP, D, 0, 33_500)).toEqual([
      [20_000, 'terminate'],
      [30_000, 'kill'],
      [31_000, 'kill'],
      [32_000, 'kill'],
      [33_000, 'kill'],
    ]);
  });

  it('is stuck once its tree has outlived the kill guard, and is still tried', () => {
    const killed = firstKill(at(30_000)).stage;
    expect(decide(killed, STOP, D, at(34_999)).stage.kind).toBe('killing');
    const { stage } = decide(killed, STOP, D, at(35_000));
    expect(stage.kind).toBe('stuck');
    expect(decide(stage, STOP, D, at(35_000 + KILL_RETRY_MS))).toMatchObject({
      order: 'kill',
      stage: { kind: 'stuck' },
    });
  });

  it('is past its deadline as soon as either clock is', () => {
    expect(decide(running, STOP, D, at(19_999)).order).toBe('nothing');
    expect(decide(running, STOP, D, at(5_000, 20_000)).order).toBe('terminate');
    expect(decide(running, STOP, D, at(20_000, 5_000)).order).toBe('terminate');
  });

  it('has no grace left when a pause outlasted it', () => {
    expect(decide(running, STOP, D, at(20_000, 30_000))).toMatchObject({ order: 'kill', stage: { kind: 'killing' } });
  });

  it('has its grace counted from the deadline, not from when that was noticed', () => {
    const late = decide(running, STOP, D, at(26_000));
    expect(late).toMatchObject({ order: 'terminate', wakeMs: 4_000 });
    expect(decide(late.stage, STOP, D, at(30_000)).order).toBe('kill');
  });

  it('as HOLD or OVERLAP is never stopped by its deadline', () => {
    expect(follow(running, HOLD, D, 0, 100_000)).toEqual([]);
    expect(decide(running, HOLD, D, at(99_000)).wakeMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a stop', () => {
  it('begins at once and is killed after the grace, also of a HOLD attempt', () => {
    const { stage, order } = stopNow(running, HOLD, D, at(1_000));
    expect(order).toBe('terminate');
    expect(follow(stage, HOLD, D, 1_000, 11_500)).toEqual([[11_000, 'kill']]);
  });

  it('that has begun goes on as it began', () => {
    const { stage } = stopNow(running, STOP, D, at(1_000));
    expect(stopNow(stage, STOP, D, at(9_000))).toMatchObject({ stage, order: 'nothing' });
  });

  it('that comes after the deadline gives no second grace', () => {
    expect(stopNow(running, STOP, D, at(25_000)).stage).toEqual({ kind: 'stopping', begun: D });
    expect(stopNow(running, STOP, D, at(0, 30_000)).order).toBe('kill');
    expect(stopNow(running, HOLD, D, at(30_000)).order).toBe('terminate');
  });

  it('of what has not run yet abandons the start', () => {
    expect(stopNow({ kind: 'starting' }, STOP, D, at(0)).order).toBe('abandon');
  });
});

describe('a start', () => {
  it.each([
    ['STOP', STOP],
    ['HOLD', HOLD],
  ])('of a %s attempt is abandoned once its deadline is past', (_, terms) => {
    expect(decide({ kind: 'starting' }, terms, D, at(19_999)).order).toBe('nothing');
    expect(decide({ kind: 'starting' }, terms, D, at(20_000)).order).toBe('abandon');
    expect(decide({ kind: 'starting' }, terms, D, at(0, 20_000)).order).toBe('abandon');
  });
});

describe('an extension', () => {
  it('moves a deadline on, and back on neither clock', () => {
    const attempt = { stage: running, terms: STOP, deadline: D };
    expect(extended(attempt, at(25_000), at(19_999))).toEqual(at(25_000));
    expect(extended(attempt, at(15_000), at(0))).toEqual(D);
    expect(extended(attempt, at(25_000, 15_000), at(0))).toEqual(at(25_000, 20_000));
  });

  it('is too late once the deadline is past on either clock', () => {
    const attempt = { stage: running, terms: STOP, deadline: D };
    expect(extended(attempt, at(90_000), at(20_000))).toBeUndefined();
    expect(extended(attempt, at(90_000), at(0, 20_000))).toBeUndefined();
  });

  it('does not undo a stop', () => {
    const { stage } = stopNow(running, STOP, D, at(0));
    expect(extended({ stage, terms: STOP, deadline: D }, at(90_000), at(1))).toBeUndefined();
  });

  it('of a HOLD attempt is taken at any time once that runs', () => {
    const attempt = { terms: HOLD, deadline: D };
    expect(extended({ ...attempt, stage: running }, at(90_000), at(50_000))).toEqual(at(90_000));
    expect(extended({ ...attempt, stage: { kind: 'starting' } }, at(90_000), at(50_000))).toBeUndefined();
  });
});

/** A random walk of both clocks: running, slowed, or stopped while the other one goes on. */
const walk = fc.array(fc.tuple(fc.nat({ max: 4_000 }), fc.nat({ max: 4_000 })), { maxLength: 60 });

describe('however the clocks go', () => {
  it('a STOP attempt is never alive and unstopped past its deadline, nor stopped before it', () => {
    fc.assert(
      fc.property(walk, (steps) => {
        let now = at(0);
        let stage: Stage = running;
        for (const [mono, boot] of steps) {
          now = at(now.mono + mono, now.boot + boot);
          stage = decide(stage, STOP, D, now).stage;
          const isPast = now.mono >= D.mono || now.boot >= D.boot;
          const graceIsOver = now.mono >= D.mono + 10_000 || now.boot >= D.boot + 10_000;
          expect(stage.kind !== 'running').toBe(isPast);
          expect(['killing', 'stuck'].includes(stage.kind)).toBe(graceIsOver);
        }
      }),
      { numRuns: 300 },
    );
  });
});
