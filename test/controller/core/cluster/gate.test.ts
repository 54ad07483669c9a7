import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../../controller/core/cluster/effect.ts';
import { Gate } from '../../../../controller/core/cluster/gate.ts';

const gateWith = ({ verifyIntervalMs = 0, maxCommitsInFlight = 1 } = {}): Gate<string> =>
  new Gate({ verifyIntervalMs, maxCommitsInFlight });

const said = (key: string): Effect => ({ kind: 'publish', changes: [{ key, deleted: false }] });
const keys = (effects: readonly Effect[]): readonly string[] =>
  effects.flatMap((effect) => (effect.kind === 'publish' ? effect.changes.map(({ key }) => key) : effect.kind));

describe('an effect that was held', () => {
  it('leaves with the commit of what was decided before it, and not with an earlier one', () => {
    const gate = gateWith({ maxCommitsInFlight: 2 });
    const first = gate.issueCommit();
    gate.hold(said('rests on the second'));
    const second = gate.issueCommit();
    gate.committed(first);
    expect(gate.release(false)).toEqual([]);
    gate.committed(second);
    expect(keys(gate.release(false))).toEqual(['rests on the second']);
  });

  it('leaves at once when nothing is written, but not past a commit under way', () => {
    const gate = gateWith();
    gate.hold(said('nothing is written'));
    expect(gate.release(true)).toEqual([]);
    expect(keys(gate.release(false))).toEqual(['nothing is written']);
    const commit = gate.issueCommit();
    gate.hold(said('rests on what is under way'));
    expect(gate.release(false)).toEqual([]);
    gate.committed(commit);
    expect(keys(gate.release(false))).toEqual(['rests on what is under way']);
  });

  it('does not overtake one that waits', () => {
    const gate = gateWith();
    gate.hold(said('first'));
    const commit = gate.issueCommit();
    gate.hold(said('second'));
    gate.committed(commit);
    expect(keys(gate.release(true))).toEqual(['first']);
    expect(keys(gate.release(false))).toEqual(['second']);
  });
});

describe('a heartbeat', () => {
  const beat = { session: 's', sequence: 1, receivedMono: 10 };

  it('is covered by a check that was begun after it, not by one under way', () => {
    const gate = gateWith();
    gate.needCheck();
    const early = gate.issueVerify(0) ?? Number.NaN;
    gate.cover(beat);
    expect(gate.issueVerify(1)).toBeUndefined();
    expect(gate.verified(early)).toEqual([]);
    const later = gate.issueVerify(2) ?? Number.NaN;
    expect(gate.verified(later)).toEqual([beat]);
  });

  it('is covered by a commit that was submitted after it: that compares the term', () => {
    const gate = gateWith();
    gate.cover(beat);
    const commit = gate.issueCommit();
    expect(gate.issueVerify(0)).toBeUndefined();
    expect(gate.committed(commit)).toEqual([beat]);
    expect(gate.committed(commit)).toEqual([]);
  });

  it('is covered by the answer to a later check too, when that overtakes', () => {
    const gate = gateWith();
    gate.cover(beat);
    const check = gate.issueVerify(0) ?? Number.NaN;
    const commit = gate.issueCommit();
    expect(gate.committed(commit)).toEqual([beat]);
    expect(gate.verified(check)).toEqual([]);
  });
});

describe('checks', () => {
  it('are begun only when something waits for one, one at a time, and not too often', () => {
    const gate = gateWith({ verifyIntervalMs: 100 });
    expect(gate.issueVerify(0)).toBeUndefined();
    gate.needCheck();
    const first = gate.issueVerify(0) ?? Number.NaN;
    const needed = gate.needCheck();
    expect(gate.issueVerify(200)).toBeUndefined();
    gate.verified(first);
    expect(gate.isChecked(needed)).toBe(false);
    expect(gate.verifyWaits()).toBe(true);
    expect(gate.issueVerify(99)).toBeUndefined();
    expect(gate.verifyDueMono()).toBe(100);
    gate.verified(gate.issueVerify(100) ?? Number.NaN);
    expect(gate.isChecked(needed)).toBe(true);
    expect(gate.verifyWaits()).toBe(false);
  });
});

describe('commits', () => {
  it('under way are as many as allowed', () => {
    const gate = gateWith({ maxCommitsInFlight: 2 });
    const first = gate.issueCommit();
    expect(gate.mayCommit()).toBe(true);
    gate.issueCommit();
    expect(gate.mayCommit()).toBe(false);
    gate.committed(first);
    expect(gate.mayCommit()).toBe(true);
  });
});
