/** What a keeper does about what earlier ones of its state directory left (semantics A7). */
import { describe, expect, it } from 'vitest';
import { stateOf } from '../../../keeper/core/attempt.ts';
import { nothingRecovered } from '../../../keeper/core/record.ts';
import { VirtualKeeper } from './virtual-keeper.ts';

describe('a keeper that comes after a dead one', () => {
  const recoveredFrom = (keeper: VirtualKeeper) => {
    const recovered = nothingRecovered();
    for (const [key, attempt] of keeper.written.attempts) recovered.attempts.set(key, attempt);
    recovered.spent.spend('job', 1);
    return recovered;
  };

  /** It has begun, and what the dead one left lives on whatever is done to it. */
  const withUnkillableLeftover = (): VirtualKeeper => {
    const dead = VirtualKeeper.serving();
    dead.start();
    const keeper = new VirtualKeeper(recoveredFrom(dead));
    keeper.alive.add('job-1');
    keeper.unkillable = true;
    keeper.push({ kind: 'begin' });
    return keeper;
  };

  it('kills what that left before it serves anybody, and reports it as lost', () => {
    const keeper = withUnkillableLeftover();
    expect(keeper.ofKind('kill')).toHaveLength(1);
    keeper.advance(1_500);
    expect(keeper.ofKind('serve')).toEqual([]);
    keeper.unkillable = false;
    keeper.advance(1_500);
    expect(keeper.ofKind('serve')).toHaveLength(1);
    expect(keeper.attempt().ended?.end).toMatchObject({ cause: 'LOST' });
  });

  it('serves after 5 s all the same, with what can not be killed as STUCK', () => {
    const keeper = withUnkillableLeftover();
    keeper.advance(5_100);
    expect(keeper.ofKind('serve')).toHaveLength(1);
    expect(stateOf(keeper.attempt())).toBe('STUCK');
  });

  it('looks for nothing of an earlier boot', () => {
    const dead = VirtualKeeper.serving();
    dead.start();
    const keeper = new VirtualKeeper(recoveredFrom(dead), 'boot-2');
    keeper.push({ kind: 'begin' });
    expect(keeper.ofKind('kill')).toEqual([]);
    expect(keeper.attempt().ended?.end).toMatchObject({ cause: 'LOST', detail: 'the host was booted since' });
  });

  it('serves nobody before it knows what no record names, however long that takes to be looked at', () => {
    const keeper = new VirtualKeeper();
    keeper.sweeps = false;
    keeper.push({ kind: 'begin' });
    keeper.advance(6_000);
    keeper.push(keeper.swept([], 'EMFILE: too many open files'));
    expect(keeper.ofKind('serve')).toEqual([]);
    expect(keeper.ofKind('sweep')).toHaveLength(2);
    expect(keeper.ofKind('log').map(({ text }) => text)).toEqual([
      "what earlier keepers left can't be looked at: EMFILE: too many open files",
    ]);
    keeper.push(keeper.swept());
    expect(keeper.ofKind('serve')).toHaveLength(1);
  });

  it('has what no record names and nothing can kill in its table as STUCK until it is empty, its epoch spent', () => {
    const keeper = new VirtualKeeper();
    keeper.sweeps = false;
    keeper.unkillable = true;
    keeper.alive.add('job-7');
    keeper.push({ kind: 'begin' });
    keeper.advance(5_010);
    keeper.push(keeper.swept([{ run: 'job', epoch: 7, cgroup: '/locum/job-7' }]));
    keeper.push({ kind: 'attached', agent: 1, description: 'the agent' });
    expect(keeper.effects.map(({ kind }) => kind).filter((kind) => kind === 'serve' || kind === 'tell_opened')).toEqual(
      [...['serve', 'tell_opened']],
    );
    expect(stateOf(keeper.attempt('job-7'))).toBe('STUCK');
    expect(keeper.answerTo(keeper.start({ epoch: 7 }))).toMatchObject({ ok: false, reason: 'EPOCH_SPENT' });
    const kills = keeper.ofKind('kill').length;
    keeper.advance(3_000);
    expect(keeper.ofKind('kill').length - kills).toBe(3);
    keeper.unkillable = false;
    keeper.advance(1_500);
    expect(keeper.attempt('job-7').ended?.end).toMatchObject({ cause: 'LOST', proof: 'its process tree is empty' });
    expect(keeper.written.attempts.get('job-7')?.place.cgroup).toBe('/locum/job-7');
  });

  it('tells of an attempt that a record names once, also when the sweep finds it as well', () => {
    const dead = VirtualKeeper.serving();
    dead.start();
    const keeper = new VirtualKeeper(recoveredFrom(dead));
    keeper.sweeps = false;
    keeper.alive.add('job-1');
    keeper.unkillable = true;
    keeper.push({ kind: 'begin' });
    keeper.advance(5_010);
    keeper.push(keeper.swept([{ run: 'job', epoch: 1, cgroup: 'job-1' }]));
    expect(keeper.ofKind('serve')).toHaveLength(1);
    expect([...keeper.state.attempts.keys()]).toEqual(['job-1']);
    expect(keeper.attempt().policy).toBe('job');
  });
});
