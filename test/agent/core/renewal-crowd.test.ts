/** Renewal of many at once on virtual time: no lease is lost by it, whatever happens to those that sign. */
import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../../../shared/time.ts';
import { Crowd, type CrowdOptions, type Member, mostInASecond } from './renewal-crowd.ts';

/** A twelfth of it, in which all are renewed, is 20 minutes. */
const LIFE = 4 * HOUR;
const OF_AGE = (LIFE * 2) / 3;

const crowdOf = (more: Partial<CrowdOptions>): Crowd =>
  new Crowd({ seed: 1, agents: 60, runningEach: 2, lifeMs: LIFE, agedMs: OF_AGE - 2 * MINUTE, ...more });

/** Those that should still run what they ran, and have a newer certificate. */
function expectNothingLost(crowd: Crowd, except: readonly Member[] = []): void {
  const others = crowd.members.filter((member) => !except.includes(member));
  expect(others.filter(({ stops }) => stops > 0).map(({ name }) => name)).toEqual([]);
  expect(others.filter(({ runs, isRunning }) => runs !== isRunning).map(({ name }) => name)).toEqual([]);
  expect(others.filter(({ state }) => state.session === undefined).map(({ name }) => name)).toEqual([]);
}

const old = ({ members, wall }: Crowd): string[] =>
  members.filter(({ certificate }) => certificate.notBeforeWall < wall - OF_AGE).map(({ name }) => name);

describe('1,000 agents that joined within a minute', () => {
  it('renew within an hour, and no lease is lost', { timeout: 120_000 }, () => {
    const crowd = crowdOf({ agents: 1_000, runningEach: 20 });
    crowd.pass(4 * MINUTE);
    crowd.lost = 0.05;
    crowd.pass(4 * MINUTE);
    crowd.changeLeader(8 * SECOND);
    crowd.pass(2 * MINUTE);
    crowd.signs = false;
    crowd.pass(4 * MINUTE);
    crowd.signs = true;
    crowd.changeLeader(3 * SECOND);
    crowd.pass(12 * MINUTE);
    expect(old(crowd)).toEqual([]);
    expectNothingLost(crowd);
    // Each once, but for answers that were lost.
    expect(crowd.members.every(({ renewals }) => renewals === 1)).toBe(true);
    expect(crowd.signed.length).toBeLessThan(1_100);
    expect(mostInASecond(crowd.signed)).toBeLessThanOrEqual(40);
  });
});

describe('agents whose certificates come of age', () => {
  it('that all boot at once after a long absence are signed one by one, each at its turn', () => {
    const crowd = crowdOf({ agents: 1_000, runningEach: 50, agedMs: 3.6 * HOUR });
    crowd.pass(3 * MINUTE);
    expect(old(crowd)).toEqual([]);
    expectNothingLost(crowd);
    expect(mostInASecond(crowd.signed)).toBeLessThanOrEqual(60);
    // Nobody comes again and again: those who were sent away came once more, a few twice.
    expect(crowd.reasons.get('OVERLOADED') ?? 0).toBeGreaterThan(100);
    expect(crowd.calls.length).toBeLessThan(4_000);
  });

  it('keep everything while nobody can sign until shortly before the end, and are renewed in time', () => {
    const crowd = crowdOf({ agents: 40, runningEach: 4, lifeMs: HOUR, agedMs: 38 * MINUTE });
    crowd.signs = false;
    crowd.pass(19 * MINUTE);
    expect(crowd.signed).toEqual([]);
    expectNothingLost(crowd);
    crowd.signs = true;
    crowd.pass(2 * MINUTE);
    expect(crowd.members.filter(({ renewals }) => renewals !== 1).map(({ name }) => name)).toEqual([]);
    expectNothingLost(crowd);
  });

  it('and end, since nobody could sign, lose nothing as long as their streams stand', () => {
    const crowd = crowdOf({ agents: 40, runningEach: 4, lifeMs: 30 * MINUTE, agedMs: 19 * MINUTE });
    crowd.signs = false;
    crowd.pass(20 * MINUTE);
    expect(crowd.members.filter(({ certificate }) => certificate.notAfterWall > crowd.wall)).toEqual([]);
    expectNothingLost(crowd);
  });

  it('are refused for good only where they are revoked: those ask seldom, and cost the others nothing', () => {
    const crowd = crowdOf({ runningEach: 6 });
    crowd.pass(MINUTE);
    const revoked = crowd.members.slice(0, 10);
    for (const member of revoked) crowd.revoke(member);
    crowd.pass(25 * MINUTE);
    expect(revoked.filter(({ renewals }) => renewals > 0)).toEqual([]);
    expect(crowd.reasons.get('CERTIFICATE_REVOKED') ?? 0).toBeLessThanOrEqual(40);
    expect(crowd.members.filter(({ renewals }) => renewals === 1)).toHaveLength(50);
    expectNothingLost(crowd, revoked);
  });
});

/** Everything at once, and in another order for each seed. */
function play(seed: number): Crowd {
  const crowd = crowdOf({ seed, agents: 12, runningEach: 3, agedMs: OF_AGE });
  crowd.lost = 0.1;
  crowd.pass(30 * SECOND);
  for (let step = 0; step < 20; step += 1) {
    crowd.pass(crowd.random.float() * 2 * MINUTE);
    const what = crowd.random.float();
    if (what < 0.3) crowd.changeLeader(crowd.random.float() * 10 * SECOND);
    else if (what < 0.6) crowd.signs = !crowd.signs;
    else stepClocks(crowd);
  }
  crowd.signs = true;
  crowd.pass(40 * MINUTE);
  return crowd;
}

/**
 * A step forward puts every lease in doubt until the next grant (semantics: A8), so a leader is there for it: what is tried here is that
 * renewals take nothing away.
 */
function stepClocks(crowd: Crowd): void {
  const connected = crowd.members.filter(({ state }) => state.session !== undefined);
  for (const member of connected.slice(0, 5)) member.offsetMs += (crowd.random.float() - 0.5) * HOUR;
  crowd.pass(10 * SECOND);
}

describe('seeds of leaders that change, signers that can not sign, answers that are lost, and clocks that step', () => {
  it.each(Array.from({ length: 20 }, (_, index) => index + 1))('seed %d loses no lease', (seed) => {
    const crowd = play(seed);
    expectNothingLost(crowd);
    expect(crowd.members.filter(({ renewals }) => renewals === 0).map(({ name }) => name)).toEqual([]);
    expect(crowd.members.filter(({ certificate }) => certificate.notAfterWall < crowd.wall)).toEqual([]);
    expect(mostInASecond(crowd.signed)).toBeLessThanOrEqual(60);
  });
});
