import { describe, expect, it } from 'vitest';
import { RoleWatch } from '../../../controller/leadership/role.ts';
import { readinessOf } from '../../../controller/replication/replica.ts';
import { leaderTermWorld } from '../leader-term-world.ts';

const leader = { id: 'b', api: 'b:1', agent: 'b:2', version: '1', term: 7 };
const following = { kind: 'FOLLOWING', leader, isDoubted: false, storeProblem: undefined } as const;

async function leading() {
  const { leaderTerm } = await leaderTermWorld();
  return { leaderTerm, handOver: async () => undefined };
}

describe('the role of a controller', () => {
  it('is to lead while it has a term, whatever it sees of the others, and then what it saw last', async () => {
    const role = new RoleWatch();
    expect([role.now.kind, role.leads]).toEqual(['LEADERLESS', false]);
    role.lead(await leading());
    role.see(following);
    expect([role.now.kind, role.leads]).toEqual(['LEADING', true]);
    role.termOver();
    expect([role.now, role.leads]).toEqual([following, false]);
  });

  it('takes no calls once it is about to be handed over, and does again in the next term', async () => {
    const role = new RoleWatch();
    const term = await leading();
    role.lead(term);
    role.leave();
    expect([role.now.kind, role.leads]).toEqual(['LEADING', false]);
    role.termOver();
    role.lead(term);
    expect(role.leads).toBe(true);
  });

  it('does not change when the same is seen again', () => {
    const role = new RoleWatch();
    role.see(following);
    const before = role.now;
    role.see({ ...following });
    expect(role.now).toBe(before);
    role.see({ ...following, isDoubted: true });
    expect(role.now).toMatchObject({ kind: 'FOLLOWING', isDoubted: true });
  });

  it('says whether calls get through here, and if not, why', async () => {
    const role = new RoleWatch();
    expect(readinessOf(role.now)).toMatchObject({ ready: false, words: 'follower of nobody: none leads just now' });
    role.see(following);
    expect(readinessOf(role.now)).toEqual({ ready: true, words: 'follower of b' });
    role.see({ ...following, storeProblem: 'timeout' });
    expect(readinessOf(role.now)).toEqual({ ready: false, words: 'no store: timeout' });
    role.lead(await leading());
    expect(readinessOf(role.now)).toEqual({ ready: true, words: 'leader' });
  });
});
