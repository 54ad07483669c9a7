import { describe, expect, it } from 'vitest';
import { Barrier } from '../../../../controller/core/cluster/barrier.ts';
import type { Effect } from '../../../../controller/core/cluster/effect.ts';

const barrierWith = ({ verifyIntervalMs = 0, maxCommitsInFlight = 1 } = {}): Barrier<string> =>
  new Barrier({ verifyIntervalMs, maxCommitsInFlight });

const said = (key: string): Effect => ({ kind: 'publish', changes: [{ key, deleted: false }] });
const keys = (effects: readonly Effect[]): readonly string[] =>
  effects.flatMap((effect) => (effect.kind === 'publish' ? effect.changes.map(({ key }) => key) : effect.kind));

describe('an effect that was held', () => {
  it('leaves with the commit of what was decided before it, and not with an earlier one', () => {
    const barrier = barrierWith({ maxCommitsInFlight: 2 });
    const first = barrier.issueCommit();
    barrier.hold(said('rests on the second'));
    const second = barrier.issueCommit();
    barrier.committed(first);
    expect(barrier.release(false)).toEqual([]);
    barrier.committed(second);
    expect(keys(barrier.release(false))).toEqual(['rests on the second']);
  });

  it('leaves at once when nothing is written, but not past a commit under way', () => {
    const barrier = barrierWith();
    barrier.hold(said('nothing is written'));
    expect(barrier.release(true)).toEqual([]);
    expect(keys(barrier.release(false))).toEqual(['nothing is written']);
    const commit = barrier.issueCommit();
    barrier.hold(said('rests on what is under way'));
    expect(barrier.release(false)).toEqual([]);
    barrier.committed(commit);
    expect(keys(barrier.release(false))).toEqual(['rests on what is under way']);
  });

  it('does not overtake one that waits', () => {
    const barrier = barrierWith();
    barrier.hold(said('first'));
    const commit = barrier.issueCommit();
    barrier.hold(said('second'));
    barrier.committed(commit);
    expect(keys(barrier.release(true))).toEqual(['first']);
    expect(keys(barrier.release(false))).toEqual(['second']);
  });
});

describe('a heartbeat', () => {
  const beat = { session: 's', sequence: 1, receivedMono: 10 };

  it('is covered by a check that was begun after it, not by one under way', () => {
    const barrier = barrierWith();
    barrier.needCheck();
    const early = barrier.issueVerify(0) ?? Number.NaN;
    barrier.cover(beat);
    expect(barrier.issueVerify(1)).toBeUndefined();
    expect(barrier.verified(early)).toEqual([]);
    const later = barrier.issueVerify(2) ?? Number.NaN;
    expect(barrier.verified(later)).toEqual([beat]);
  });

  it('is covered by a commit that was submitted after it: that compares the term', () => {
    const barrier = barrierWith();
    barrier.cover(beat);
    const commit = barrier.issueCommit();
    expect(barrier.issueVerify(0)).toBeUndefined();
    expect(barrier.committed(commit)).toEqual([beat]);
    expect(barrier.committed(commit)).toEqual([]);
  });

  it('is covered by the answer to a later check too, when that overtakes', () => {
    const barrier = barrierWith();
    barrier.cover(beat);
    const check = barrier.issueVerify(0) ?? Number.NaN;
    const commit = barrier.issueCommit();
    expect(barrier.committed(commit)).toEqual([beat]);
    expect(barrier.verified(check)).toEqual([]);
  });
});

describe('checks', () => {
  it('are begun only when something waits for one, one at a time, and not too often', () => {
    const barrier = barrierWith({ verifyIntervalMs: 100 });
    expect(barrier.issueVerify(0)).toBeUndefined();
    barrier.needCheck();
    const first = barrier.issueVerify(0) ?? Number.NaN;
    const needed = barrier.needCheck();
    expect(barrier.issueVerify(200)).toBeUndefined();
    barrier.verified(first);
    expect(barrier.isChecked(needed)).toBe(false);
    expect(barrier.verifyWaits()).toBe(true);
    expect(barrier.issueVerify(99)).toBeUndefined();
    expect(barrier.verifyDueMono()).toBe(100);
    barrier.verified(barrier.issueVerify(100) ?? Number.NaN);
    expect(barrier.isChecked(needed)).toBe(true);
    expect(barrier.verifyWaits()).toBe(false);
  });
});

describe('commits', () => {
  it('under way are as many as allowed', () => {
    const barrier = barrierWith({ maxCommitsInFlight: 2 });
    const first = barrier.issueCommit();
    expect(barrier.mayCommit()).toBe(true);
    barrier.issueCommit();
    expect(barrier.mayCommit()).toBe(false);
    barrier.committed(first);
    expect(barrier.mayCommit()).toBe(true);
  });
});
