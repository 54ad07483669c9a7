/**
 * Hosts that are sick and not dead, each in a story of its own: the real cores of controller, agent and keeper, and every check of the
 * simulator at work. The same on real machines: `npm run faults`.
 */
import { describe, expect, it } from 'vitest';
import { policyId } from '../../shared/ids.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import type { DiskState } from './disk.ts';
import { specOf } from './intentions.ts';
import { policy, Story } from './story.ts';

const create = (story: Story, name: string): void =>
  story.call({ kind: 'create_policy', policy: policyId(name), spec: specOf(policy(name)) });

describe('a host whose disk is sick', () => {
  const states: readonly DiskState[] = ['full', 'read-only', 'stalled', 'failing'];

  it.each(states)('(%s) goes on with what runs through a change of the leader, and new runs go elsewhere', (state) => {
    const story = new Story({ policies: [policy('p')] });
    story.site('s1').host.disk.become(state);
    story.pass(5 * SECOND);
    const { leader } = story;
    leader.die();
    story.pass(20 * SECOND);
    leader.start();
    create(story, 'q');
    story.pass(30 * SECOND);
    expect(story.living('p')).toEqual(['s1@1']);
    expect(story.living('q')).toEqual(['s2@2']);
    story.site('s1').host.disk.become('sound');
    story.pass(10 * SECOND);
    create(story, 'r');
    story.pass(5 * SECOND);
    expect(story.living('r')).toEqual(['s1@3']);
    expect(story.end()).toEqual([]);
  });

  it('and is cut off stops what it has at the lease, and the next one runs it', () => {
    const story = new Story({ policies: [policy('p')] });
    story.site('s1').host.disk.become('stalled');
    story.cut('s1');
    story.pass(30 * SECOND);
    expect(story.living('p')).toEqual([]);
    story.pass(20 * SECOND);
    expect(story.living('p')).toEqual(['s2@2']);
    story.site('s1').host.disk.become('sound');
    story.mend('s1');
    story.pass(MINUTE);
    expect(story.living('p')).toEqual(['s2@2']);
    expect(story.end()).toEqual([]);
  });

  it('and whose keeper dies runs nothing until a keeper can read what was written down', () => {
    const story = new Story({ policies: [policy('p')] });
    const { host, keeper } = story.site('s1');
    host.disk.become('stalled');
    keeper.die();
    story.pass(MINUTE);
    expect(story.living('p').map((tree) => tree.slice(0, 2))).toEqual(['s2']);
    expect(keeper.serving).toBe(false);
    host.disk.become('sound');
    story.pass(10 * SECOND);
    create(story, 'q');
    story.pass(5 * SECOND);
    expect(story.living('q').map((tree) => tree.slice(0, 2))).toEqual(['s1']);
    expect(story.end()).toEqual([]);
  });
});

describe('a keeper whose hands are stuck', () => {
  it('is killed by its agent, together with what it could not stop any more', () => {
    const story = new Story({ policies: [policy('p')] });
    const { keeper } = story.site('s1');
    const { pid } = keeper;
    keeper.handsStuck = true;
    story.pass(10 * SECOND);
    expect(keeper.pid).not.toBe(pid);
    expect(story.run('p').attempts[0]).toMatchObject({ state: { end: { cause: 'LOST' } } });
    expect(story.living('p')).toHaveLength(1);
    expect(story.end()).toEqual([]);
  });
});

describe('a host that kills agent and keeper for want of memory', () => {
  it('has nothing left of before when they are back, and the run goes on once', () => {
    const story = new Story({ policies: [policy('p'), policy('q', { onDisconnect: 'HOLD' })] });
    const site = story.site('s1');
    site.outOfMemory();
    story.pass(SECOND);
    expect(story.living('p')).toEqual(['s1@1']);
    site.startAgent();
    story.pass(10 * SECOND);
    for (const name of ['p', 'q']) {
      expect(story.run(name).attempts[0]).toMatchObject({ state: { end: { cause: 'LOST' } } });
      expect(story.living(name)).toHaveLength(1);
    }
    expect(story.end()).toEqual([]);
  });
});
