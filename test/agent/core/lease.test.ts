import { describe, expect, it } from 'vitest';
import { epoch, runId } from '../../../shared/ids.ts';
import { RUN, TERM, TERMS, TIMERS, VirtualAgent } from './virtual-agent.ts';

/** An agent in a session that runs one STOP attempt, started with the stamp of its first heartbeat. */
function running(change: Parameters<VirtualAgent['start']>[0] = {}): VirtualAgent {
  const agent = new VirtualAgent().join();
  agent.start(change);
  return agent;
}

describe('A2: a grant', () => {
  it('extends to the lease after the heartbeat was sent, however late the grant arrives', () => {
    const agent = running();
    agent.advance(5_600);
    agent.pass(3_000);
    agent.grant();
    expect(agent.keeper.deadlineOf(RUN).mono).toBe((agent.sendTime(2) ?? 0) + 20_000);
  });

  it('that was overtaken by a newer one takes nothing back', () => {
    const agent = running();
    agent.live(11_000);
    const newest = agent.keeper.deadlineOf(RUN);
    agent.grant({ sequence: agent.lastSequence - 1 });
    expect(agent.keeper.deadlineOf(RUN)).toEqual(newest);
  });

  it('does not revive an attempt whose lease has ended, though it waited in the socket before the end', () => {
    const agent = running();
    agent.advance(5_600);
    agent.pass(20_000);
    agent.grant();
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
    expect(agent.keeper.asks('extend')).toEqual([]);
  });

  it('of another generation extends nothing and is answered with the full state, once for each heartbeat', () => {
    const agent = running();
    agent.advance(5_600);
    agent.clear();
    agent.grant({ generation: 3 });
    agent.grant({ generation: 3 });
    expect(agent.keeper.asks('extend')).toEqual([]);
    expect(agent.said('full_state')).toMatchObject([{ generation: 2, attempts: [{ run: RUN }], lastPart: true }]);
    agent.advance(5_600);
    agent.grant({ generation: 3 });
    expect(agent.said('full_state')).toHaveLength(2);
  });

  it('is not honoured across a gap: a command that went missing shows in the generation', () => {
    const agent = new VirtualAgent().join();
    agent.start({ generation: 3 });
    agent.advance(5_600);
    agent.grant({ generation: 3 });
    expect(agent.keeper.asks('extend')).toEqual([]);
    expect(agent.said('full_state')).toMatchObject([{ generation: 1, attempts: [{ run: RUN }] }]);
  });

  it('lends the attempt’s own frozen lease, whatever the timers of the pool are by then', () => {
    const agent = running({ terms: { ...TERMS, leaseMs: 30_000 } });
    agent.receive({ kind: 'timers_changed', timers: { ...TIMERS, heartbeatMs: 5_000, leaseMs: 60_000 } });
    agent.advance(5_600);
    agent.grant();
    expect(agent.keeper.deadlineOf(RUN).mono).toBe((agent.sendTime(2) ?? 0) + 30_000);
  });

  it('for another term than its session’s ends the stream', () => {
    const agent = running();
    agent.advance(5_600);
    agent.clear();
    agent.grant({ term: TERM + 1 });
    expect(agent.keeper.asks('extend')).toEqual([]);
    expect(agent.ofKind('close_stream')).toMatchObject([{ stream: 1 }]);
  });

  it('names attempts again after verdicts on a full state', () => {
    const agent = running();
    agent.advance(5_600);
    agent.grant({ generation: 9 });
    agent.receive({
      kind: 'verdicts',
      generation: 10,
      verdicts: [{ run: RUN, epoch: epoch(7), action: 'KEEP', reason: '' }],
    });
    agent.grant({ generation: 10 });
    expect(agent.keeper.asks('extend')).toHaveLength(1);
  });

  it('of a session that is over extends nothing', () => {
    const agent = running();
    const old = agent.stream;
    agent.advance(5_600);
    agent.handle({ kind: 'closed', stream: old, reason: 'reset' });
    agent.clear();
    agent.receive({ kind: 'grant', sequence: 1, generation: 2 }, { stream: old });
    expect(agent.keeper.asks('extend')).toEqual([]);
  });

  it('for a heartbeat that was never sent extends nothing', () => {
    const agent = running();
    agent.clear();
    agent.grant({ sequence: 5 });
    expect(agent.keeper.asks('extend')).toEqual([]);
    expect(agent.ofKind('log')).toMatchObject([{ level: 'error' }]);
  });

  it('extends only what its generation includes, also where the old session never ended', () => {
    const agent = running();
    agent.advance(9_600);
    agent.connect();
    agent.welcome({ verdicts: [] });
    agent.clear();
    agent.live(25_000);
    expect(agent.keeper.asks('extend')).toEqual([]);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('extends only what its generation includes: an attempt without a verdict lapses', () => {
    const agent = running();
    const old = agent.stream;
    agent.handle({ kind: 'closed', stream: old, reason: 'reset' });
    agent.advance(200);
    agent.connect();
    agent.welcome({ verdicts: [] });
    agent.live(25_000);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });
});

describe('A5: at the end of its lease', () => {
  it('a STOP attempt is stopped, and nothing undoes that', () => {
    const agent = running();
    agent.advance(19_999);
    expect(agent.stops).toEqual([]);
    agent.advance(1);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
    agent.grant();
    expect(agent.keeper.asks('extend')).toEqual([]);
    expect(agent.stops).toHaveLength(1);
  });

  it.each(['HOLD', 'OVERLAP'] as const)('a %s attempt runs on, with no controller at all', (onDisconnect) => {
    const agent = running({ terms: { ...TERMS, onDisconnect } });
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.advance(600_000);
    expect(agent.stops).toEqual([]);
  });

  it('an attempt ends by its own frozen lease, whatever the timers of the pool are by then', () => {
    const agent = running({ terms: { ...TERMS, leaseMs: 30_000 } });
    agent.receive({ kind: 'timers_changed', timers: { ...TIMERS, heartbeatMs: 1_000, leaseMs: 5_000 } });
    agent.advance(29_999);
    expect(agent.stops).toEqual([]);
    agent.advance(1);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('each attempt is judged by itself', () => {
    const agent = running();
    agent.start({ run: runId('other-2'), epoch: epoch(8), terms: { ...TERMS, leaseMs: 60_000 } });
    agent.advance(59_999);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
    agent.advance(1);
    expect(agent.stops).toEqual(['import-1@7 LAPSED', 'other-2@8 LAPSED']);
  });
});

describe('A4: a timer that fires is not the check', () => {
  it('an acknowledgement that waited until after the deadline does not undo the end', () => {
    const agent = running();
    agent.advance(5_600);
    agent.keeper.answers = false;
    agent.grant();
    const request = agent.ofKind('ask_keeper').find(({ ask }) => ask.kind === 'extend')?.request ?? 0;
    agent.keeper.answers = true;
    agent.pass(14_400);
    agent.handle({ kind: 'keeper_result', request, ok: true, reason: '', detail: '', pid: 0, refused: [] });
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('a wake-up that comes before the deadline stops nothing', () => {
    const agent = running();
    agent.pass(19_000);
    agent.handle({ kind: 'tick' });
    expect(agent.stops).toEqual([]);
  });

  it('any event after the deadline stops the attempt before it is acted on', () => {
    const agent = running();
    agent.pass(20_000);
    agent.start({ run: runId('other-2'), epoch: epoch(8) });
    const [first, ...rest] = agent.keeper.asked.filter(({ kind }) => kind === 'start' || kind === 'stop').slice(1);
    expect(first).toMatchObject({ kind: 'stop', attempt: { run: RUN } });
    expect(rest).toEqual([]);
  });
});

describe('A6: agent time is the longest that any clock counted', () => {
  it('a suspend that only boot time counts ends the lease', () => {
    const agent = running();
    agent.move({ boot: 20_000, wall: 20_000 });
    agent.handle({ kind: 'tick' });
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('a boot clock that can not be read well does not shorten it: monotonic time alone ends it too', () => {
    const agent = running();
    agent.move({ mono: 20_000, wall: 20_000 });
    agent.handle({ kind: 'tick' });
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });
});
