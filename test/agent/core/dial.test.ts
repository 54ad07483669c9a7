import { describe, expect, it } from 'vitest';
import { epoch } from '../../../shared/ids.ts';
import { RUN, TERM, TIMERS, VirtualAgent } from './virtual-agent.ts';

const endpoints = (agent: VirtualAgent): readonly string[] => agent.ofKind('dial').map(({ endpoint }) => endpoint);

/** Lets every dial fail at once, for a while, and answers with the times between them. */
function failFor(agent: VirtualAgent, ms: number): number[] {
  const times: number[] = [];
  const until = agent.now.mono + ms;
  while (agent.now.mono < until) {
    if (agent.state.candidate !== undefined) {
      times.push(agent.now.mono);
      agent.handle({ kind: 'closed', stream: agent.dialled, reason: 'refused' });
    }
    agent.advance(10);
  }
  return times.slice(1).map((at, i) => at - (times[i] ?? 0));
}

describe('A10: a heartbeat that is not answered for 4 s', () => {
  it('makes the agent dial the next endpoint at once, and keep the old stream until a Welcome', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.advance(5_600);
    const beats = agent.said('heartbeat').length;
    expect(beats).toBe(2);
    agent.advance(4_000);
    expect(endpoints(agent)).toEqual(['a:1', 'b:1']);
    expect(agent.ofKind('close_stream')).toEqual([]);
    agent.connect();
    agent.grant({ sequence: 2 });
    expect(agent.keeper.asks('extend')).toHaveLength(1);
    agent.welcome({ verdicts: [{ run: RUN, epoch: epoch(7), action: 'KEEP', reason: '' }] });
    expect(agent.ofKind('close_stream')).toMatchObject([{ stream: 1 }]);
    expect(agent.state.session?.stream).toBe(2);
  });

  it('passes over the silent controller once, wherever it is in the list', () => {
    const agent = new VirtualAgent().begin();
    agent.connect();
    // A hint has led to the one that is next in the own list.
    agent.receive({ kind: 'reconnect', endpoints: ['b:1'], afterMs: 0, reason: 'LEADER' });
    agent.connect();
    agent.welcome();
    agent.start();
    agent.clear();
    agent.advance(10_000);
    expect(endpoints(agent)).toEqual(['c:1']);
    failFor(agent, 5_000);
    expect(endpoints(agent).slice(0, 4)).toEqual(['c:1', 'a:1', 'b:1', 'c:1']);
  });

  it('is a fifth of the lease where that is shorter', () => {
    const agent = new VirtualAgent().join();
    agent.receive({ kind: 'timers_changed', timers: { ...TIMERS, heartbeatMs: 500, leaseMs: 3_000 } });
    // The heartbeat leaves after 450 to 550 ms.
    agent.advance(1_049);
    expect(endpoints(agent)).toEqual(['a:1']);
    agent.advance(102);
    expect(endpoints(agent)).toEqual(['a:1', 'b:1']);
  });

  it('is counted from the oldest one: later heartbeats do not put it off', () => {
    const agent = new VirtualAgent().join();
    agent.receive({ kind: 'timers_changed', timers: { ...TIMERS, heartbeatMs: 1_000, leaseMs: 20_000 } });
    agent.advance(5_101);
    expect(endpoints(agent)).toEqual(['a:1', 'b:1']);
  });

  it('that is answered after all calls the dial off, if no Hello has left', () => {
    const agent = new VirtualAgent().join();
    agent.advance(9_600);
    expect(agent.state.candidate).toBeDefined();
    agent.grant();
    expect(agent.ofKind('close_stream')).toMatchObject([{ stream: 2 }]);
    expect(agent.state.candidate).toBeUndefined();
    agent.live(20_000);
    expect(endpoints(agent)).toEqual(['a:1', 'b:1']);
  });
});

describe('A10: back-off', () => {
  it('is at most 1 s while a STOP attempt runs, with a connect limit of 1 s', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.clear();
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    const gaps = failFor(agent, 15_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_020);
    expect(gaps.length).toBeGreaterThan(20);
    expect(agent.ofKind('dial').every(({ limitMs }) => limitMs === 1_000)).toBe(true);
    expect(new Set(endpoints(agent))).toEqual(new Set(['a:1', 'b:1', 'c:1']));
  });

  it('grows to 30 s, with full jitter, for an agent with nothing to lose', () => {
    const agent = new VirtualAgent().begin();
    const gaps = failFor(agent, 3_600_000);
    expect(Math.max(...gaps)).toBeGreaterThan(20_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30_020);
    expect(Math.min(...gaps.slice(20))).toBeLessThan(5_000);
  });

  it('begins anew after a Welcome', () => {
    const agent = new VirtualAgent().begin();
    failFor(agent, 300_000);
    agent.advance(31_000);
    agent.connect();
    agent.welcome();
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.clear();
    agent.advance(101);
    expect(agent.ofKind('dial')).toHaveLength(1);
  });

  it('says the same problem once in the log, not every time', () => {
    const agent = new VirtualAgent().begin();
    failFor(agent, 60_000);
    expect(agent.ofKind('log').filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

describe('a Hello that is not answered', () => {
  it('is given up, and the next endpoint is tried', () => {
    const agent = new VirtualAgent().begin();
    agent.connect();
    agent.advance(3_999);
    expect(endpoints(agent)).toEqual(['a:1']);
    agent.advance(300);
    expect(endpoints(agent)).toEqual(['a:1', 'b:1']);
    expect(agent.ofKind('close_stream')).toMatchObject([{ stream: 1 }]);
  });

  it('leaves the old session unable to start anything, until another one is opened', () => {
    const agent = new VirtualAgent().join();
    agent.advance(9_600);
    agent.connect();
    agent.handle({ kind: 'closed', stream: agent.dialled, reason: 'reset' });
    agent.grant();
    agent.start();
    expect(agent.lastAnswer).toMatchObject({ outcome: 'STALE', reason: 'INVENTORY_SENT' });
    agent.advance(1_000);
    agent.connect();
    agent.welcome();
    agent.start({ epoch: epoch(8) });
    expect(agent.lastAnswer?.outcome).toBe('APPLIED');
  });
});

describe('Reconnect', () => {
  it('from a follower is followed at once, before the own list', () => {
    const agent = new VirtualAgent().begin();
    agent.connect();
    const message = {
      kind: 'reconnect',
      endpoints: ['leader:1', 'other:1'],
      afterMs: 0,
      reason: 'NOT_LEADER',
    } as const;
    agent.receive(message);
    expect(endpoints(agent)).toEqual(['a:1', 'leader:1']);
    agent.handle({ kind: 'closed', stream: agent.dialled, reason: 'refused' });
    agent.advance(1_000);
    agent.handle({ kind: 'closed', stream: agent.dialled, reason: 'refused' });
    agent.advance(2_000);
    expect(endpoints(agent)).toEqual(['a:1', 'leader:1', 'other:1', 'b:1']);
  });

  it('does not chase two controllers that point at each other', () => {
    const agent = new VirtualAgent().begin();
    const until = agent.now.mono + 60_000;
    while (agent.now.mono < until) {
      if (agent.state.candidate !== undefined) {
        agent.connect();
        agent.receive({ kind: 'reconnect', endpoints: ['a:1'], afterMs: 0, reason: 'NOT_LEADER' });
      }
      agent.advance(10);
    }
    expect(endpoints(agent).length).toBeLessThan(60);
  });

  it('on a session keeps it until the other controller welcomes the agent', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.receive({ kind: 'reconnect', endpoints: ['next:1'], afterMs: 500, reason: 'HAND_OVER' });
    agent.advance(499);
    expect(endpoints(agent)).toEqual(['a:1']);
    agent.advance(1);
    expect(endpoints(agent)).toEqual(['a:1', 'next:1']);
    expect(agent.ofKind('close_stream')).toEqual([]);
    agent.connect();
    agent.welcome({ term: TERM + 1 });
    expect(agent.state.session?.endpoint).toBe('next:1');
  });

  it('can not send an agent with leases to lose away for long', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.receive({ kind: 'reconnect', endpoints: [], afterMs: 600_000, reason: 'OVERLOADED' });
    agent.advance(1_000);
    expect(endpoints(agent)).toEqual(['a:1', 'a:1']);
  });
});
