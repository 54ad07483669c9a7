/** What the leader's shell does about a store that takes no writes or does not answer, with agents that run something meanwhile. */
import { describe, expect, it } from 'vitest';
import type { Call, CallResult } from '../../controller/core/cluster/event.ts';
import { policyId } from '../../shared/ids.ts';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { specOf } from './intentions.ts';
import { policy, Story } from './story.ts';

const Q = policyId('q');
const createQ: Call = { kind: 'create_policy', policy: Q, spec: specOf(policy('q')) };

/** Calls the leader once; what it answers comes into the list. */
function callOnce(story: Story, requestId: string): readonly CallResult[] {
  const answers: CallResult[] = [];
  const origin = { method: 'create_policy', source: 'sim' };
  const details = { actor: 'operator:sim', origin, requestId, fingerprint: 'q', validateOnly: false, request: createQ };
  story.leader.call(details, (result) => answers.push(result));
  return answers;
}

const told = ([result]: readonly CallResult[]): unknown =>
  result?.ok === false ? { reason: result.error.reason, ...result.error.metadata } : result?.ok;

describe('while the store has no space', () => {
  it('what runs goes on, a call is told that nobody knows, and the next one that nothing was changed', () => {
    const story = new Story({ policies: [policy('p')] });
    const { term } = story.state;
    story.world.store.trouble.refuse = 1;
    const first = callOnce(story, 'once');
    story.pass(SECOND);
    expect(first).toEqual([]);
    const second = callOnce(story, 'twice');
    expect(told(second)).toEqual({ reason: 'STORE_FULL' });
    story.pass(2 * SECOND);
    expect(told(first)).toEqual({ reason: 'STORE_FULL', outcome: 'unknown' });
    // Checks of the term are reads.
    story.pass(3 * MINUTE);
    expect(story.living('p')).toEqual(['s1@1']);
    expect(story.living('q')).toEqual([]);
    story.world.store.trouble.refuse = 0;
    story.pass(5 * SECOND);
    expect(story.living('q')).toHaveLength(1);
    // What could not be told is found by its request_id.
    const again = callOnce(story, 'once');
    story.pass(SECOND);
    expect(told(again)).toBe(true);
    expect(story.runs('q')).toHaveLength(1);
    expect(story.state.term).toBe(term);
    expect(story.end()).toEqual([]);
  });
});

describe('while the answers of the store are lost', () => {
  it('a commit in one transaction is asked after until it is known, in the same term, and made once', () => {
    const story = new Story({ policies: [policy('p')], change: { storeTimeoutMs: SECOND, storeWrites: 126 } });
    const { term } = story.state;
    const { number } = story.world.store;
    story.world.store.trouble.lose = 1;
    const first = callOnce(story, 'once');
    story.pass(6 * SECOND);
    expect(story.world.store.number).toBe(number + 1);
    expect(told(first)).toEqual({ reason: 'STORE_UNAVAILABLE', outcome: 'unknown' });
    expect(story.living('q')).toEqual([]);
    story.world.store.trouble.lose = 0;
    story.pass(5 * SECOND);
    expect(story.living('q')).toHaveLength(1);
    expect(story.state.term).toBe(term);
    expect(story.end()).toEqual([]);
  });

  it('a commit in pieces goes on with the piece that is not known to be there', () => {
    const story = new Story({ policies: [], change: { storeTimeoutMs: SECOND, storeWrites: 4 } });
    const { number } = story.world.store;
    story.world.store.trouble.lose = 1;
    callOnce(story, 'once');
    story.pass(6 * SECOND);
    expect(story.world.store.number).toBe(number);
    story.world.store.trouble.lose = 0;
    story.pass(5 * SECOND);
    expect(story.living('q')).toHaveLength(1);
    expect(story.end()).toEqual([]);
  });

  it('a leader whose term is over when they come steps down, and the next one goes on from what was made', () => {
    const story = new Story({ policies: [], change: { storeWrites: 126 } });
    const old = story.leader;
    const { term } = story.state;
    story.world.store.trouble.lose = 1;
    const first = callOnce(story, 'once');
    story.pass(SECOND);
    story.world.store.revoke(term);
    story.world.store.trouble.lose = 0;
    story.pass(10 * SECOND);
    expect(old.leads?.term).not.toBe(term);
    expect(told(first)).toMatchObject({ outcome: 'unknown' });
    expect(story.state.term).toBeGreaterThan(term);
    expect(story.living('q')).toHaveLength(1);
    expect(story.end()).toEqual([]);
  });
});
