import { describe, expect, it } from 'vitest';
import { epoch, INCARNATION_UNIT, policyId, runId } from '../../../shared/ids.ts';
import { RUN, TERM, TERMS, VirtualAgent } from './virtual-agent.ts';
import { keptAttempt } from './virtual-keeper.ts';

/** An agent that was restarted: its keeper holds the test's run with a lease of 15 s left. */
function restarted(change: Partial<Parameters<typeof keptAttempt>[0]> = {}): VirtualAgent {
  const agent = new VirtualAgent({ uid: 'server-uid', clusterId: 'cluster-a', highestTerm: TERM });
  const deadline = { mono: agent.now.mono + 15_000, boot: agent.now.boot + 15_000 };
  const facts = { run: RUN, policy: policyId('import'), epoch: epoch(7), terms: TERMS, slots: 1, pid: 99, deadline };
  agent.keeper.table.set(RUN, keptAttempt({ ...facts, ...change }));
  return agent;
}

const KEEP = { run: RUN, epoch: epoch(7), action: 'KEEP', reason: '' } as const;

describe('a Hello', () => {
  it('waits for the keeper’s table, and carries it with the highest term and epoch seen', () => {
    const agent = restarted();
    agent.handle({ kind: 'begin' });
    agent.advance(10_000);
    expect(agent.ofKind('dial')).toEqual([]);
    agent.handle(agent.keeper.opened());
    agent.connect();
    expect(agent.said('hello')).toMatchObject([
      {
        facts: { uid: 'server-uid', clusterId: 'cluster-a', highestTerm: TERM, highestEpoch: 7 },
        attempts: [{ run: RUN, epoch: 7, state: 'RUNNING', pid: 99 }],
        lastPart: true,
      },
    ]);
  });

  it('carries the highest epoch that its keeper has spent also when there is nothing to list', () => {
    const agent = new VirtualAgent({ uid: 'server-uid', clusterId: 'cluster-a', highestTerm: TERM });
    agent.handle({ kind: 'begin' });
    agent.handle(agent.keeper.opened({ highestEpoch: 41 }));
    agent.connect();
    expect(agent.said('hello')).toMatchObject([{ facts: { highestEpoch: 41 }, attempts: [] }]);
  });

  it('comes in parts when there is much to list, and only the last says that it is the last', () => {
    const agent = new VirtualAgent();
    const deadline = { mono: agent.now.mono + 15_000, boot: agent.now.boot + 15_000 };
    for (let i = 1; i <= 250; i += 1) {
      const facts = {
        run: runId(`many-${i}`),
        policy: policyId('many'),
        epoch: epoch(i),
        terms: TERMS,
        slots: 1,
        pid: i,
      };
      agent.keeper.table.set(facts.run, keptAttempt({ ...facts, deadline }));
    }
    agent.begin();
    agent.connect();
    const parts = agent.said('hello');
    expect(parts.length).toBeGreaterThan(1);
    expect(parts.flatMap(({ attempts }) => attempts.map(({ run }) => run))).toEqual([...agent.keeper.table.keys()]);
    expect(parts.map(({ lastPart }) => lastPart)).toEqual(parts.map((_, i) => i === parts.length - 1));
  });
});

describe('a Welcome', () => {
  it('extends what it keeps from the send time of the Hello', () => {
    const agent = restarted().begin();
    agent.connect();
    const helloAt = agent.now.mono;
    agent.pass(700);
    agent.welcome({ verdicts: [KEEP] });
    expect(agent.keeper.asks('extend')).toMatchObject([
      { extensions: [{ run: RUN, deadline: { mono: helloAt + 20_000 } }] },
    ]);
  });

  it('adopts what was given up, and stops what is superseded', () => {
    const adopted = restarted().join([{ ...KEEP, action: 'ADOPT' }]);
    // By the Welcome, and by the grant of the heartbeat that follows it.
    expect(adopted.keeper.asks('extend')).toHaveLength(2);
    const stopped = restarted().join([{ ...KEEP, action: 'STOP', reason: 'SUPERSEDED' }]);
    expect(stopped.stops).toEqual(['import-1@7 STOPPED']);
    expect(stopped.keeper.asks('extend')).toEqual([]);
  });

  it('is answered with a heartbeat at once: only then the leader may believe what the Hello left out', () => {
    const agent = new VirtualAgent().begin();
    agent.connect();
    expect(agent.said('heartbeat')).toEqual([]);
    agent.welcome();
    expect(agent.said('heartbeat', agent.stream)).toMatchObject([{ sequence: 1 }]);
  });

  it('can not save what lapsed before it came', () => {
    const agent = restarted().begin();
    agent.connect();
    agent.pass(15_000);
    agent.welcome({ verdicts: [KEEP] });
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
    expect(agent.keeper.asks('extend')).toEqual([]);
  });

  it('is followed by a report of what changed since the Hello', () => {
    const agent = restarted().begin();
    agent.connect();
    agent.handle(agent.keeper.end(RUN, { exitCode: 3 }));
    expect(agent.said('report')).toEqual([]);
    agent.welcome({ verdicts: [KEEP] });
    expect(agent.said('report')).toMatchObject([
      { attempts: [{ state: 'ENDED', end: { cause: 'EXITED', exitCode: 3 } }] },
    ]);
  });

  it('is written down before anything else when it says something new, and only then', () => {
    const agent = new VirtualAgent().join();
    const kinds = agent.effects.map(({ kind }) => kind);
    expect(agent.ofKind('save_identity')).toMatchObject([
      { uid: 'server-uid', clusterId: 'cluster-a', highestTerm: TERM },
    ]);
    expect(kinds.indexOf('save_identity')).toBeGreaterThan(0);
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.advance(200);
    agent.connect();
    agent.welcome();
    expect(agent.ofKind('save_identity')).toHaveLength(1);
  });

  it('of another cluster is refused, whatever its term', () => {
    const agent = restarted().begin();
    agent.connect();
    agent.welcome({ clusterId: 'cluster-b', term: TERM + 5, verdicts: [{ ...KEEP, action: 'STOP' }] });
    expect(agent.state.session).toBeUndefined();
    expect(agent.stops).toEqual([]);
    expect(agent.ofKind('close_stream')).toHaveLength(1);
    expect(agent.state.highestTerm).toBe(TERM);
    expect(agent.ofKind('log').at(-1)?.fields['problem']).toContain('cluster-b');
  });

  it('of an earlier life of the store is refused: its terms are lower', () => {
    const agent = restarted();
    agent.state.highestTerm = TERM + INCARNATION_UNIT;
    agent.begin();
    agent.connect();
    agent.welcome({ term: TERM + 1000 });
    expect(agent.state.session).toBeUndefined();
  });

  it('that comes before the Hello, or anything else than a Welcome, ends the stream', () => {
    const early = new VirtualAgent().begin();
    early.welcome();
    expect(early.state.session).toBeUndefined();
    const wrong = new VirtualAgent().begin();
    wrong.connect();
    wrong.start();
    expect(wrong.keeper.asks('start')).toEqual([]);
    expect(wrong.ofKind('close_stream')).toHaveLength(1);
  });
});

describe('the end of a session', () => {
  it('stops nothing by itself: what runs has its lease, and the next session keeps it', () => {
    const agent = restarted().join([KEEP]);
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.advance(8_000);
    agent.connect();
    agent.welcome({ term: TERM + 1, verdicts: [KEEP] });
    agent.live(30_000);
    expect(agent.stops).toEqual([]);
  });
});

describe('ends of attempts', () => {
  it('are reported at once, listed until acknowledged, and then forgotten by the keeper too', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.clear();
    agent.handle(agent.keeper.end(RUN, { exitCode: 0 }));
    expect(agent.said('report')).toMatchObject([{ attempts: [{ run: RUN, state: 'ENDED' }] }]);
    agent.receive({ kind: 'report_full_state', reason: 'test' });
    expect(agent.said('full_state')).toMatchObject([{ attempts: [{ run: RUN, state: 'ENDED' }] }]);
    agent.receive({ kind: 'ack', attempts: [{ run: RUN, epoch: epoch(7) }] });
    expect(agent.keeper.asks('forget')).toMatchObject([{ attempts: [{ run: RUN, epoch: 7 }] }]);
    agent.receive({ kind: 'report_full_state', reason: 'test' });
    expect(agent.said('full_state').at(-1)).toMatchObject({ attempts: [] });
  });

  it('are told again to a new leader: an acknowledgement that was lost, or of a leader that died, costs nothing', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.handle(agent.keeper.end(RUN));
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.advance(200);
    agent.connect();
    expect(agent.said('hello').at(-1)).toMatchObject({ attempts: [{ run: RUN, state: 'ENDED' }] });
  });

  it('are not forgotten by an acknowledgement of something that lives', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.receive({ kind: 'ack', attempts: [{ run: RUN, epoch: epoch(7) }] });
    expect(agent.keeper.asks('forget')).toEqual([]);
    agent.receive({ kind: 'report_full_state', reason: 'test' });
    expect(agent.said('full_state')).toMatchObject([{ attempts: [{ run: RUN, state: 'RUNNING' }] }]);
  });

  it('wait while the stream is full, and then go together', () => {
    const agent = new VirtualAgent().join();
    agent.start();
    agent.start({ run: runId('other-2'), epoch: epoch(8) });
    agent.clear();
    agent.handle({ kind: 'writable', stream: agent.stream, writable: false });
    agent.handle(agent.keeper.end(RUN));
    agent.handle(agent.keeper.end(runId('other-2')));
    expect(agent.said('report')).toEqual([]);
    agent.handle({ kind: 'writable', stream: agent.stream, writable: true });
    expect(agent.said('report')).toMatchObject([{ attempts: [{ run: RUN }, { run: 'other-2' }] }]);
  });
});

describe('output', () => {
  it('is read through the keeper, and answered to the stream that asked', () => {
    const agent = new VirtualAgent().join();
    agent.receive({ kind: 'read_output', requestId: 5, run: RUN, epoch: epoch(7), offset: 0, limit: 1e9 });
    expect(agent.keeper.asks('read')).toMatchObject([{ limit: 64 * 1024 }]);
    expect(agent.said('output_chunk')).toMatchObject([{ requestId: 5, chunk: { size: 3 } }]);
  });

  it('is refused when too many reads are open', () => {
    const agent = new VirtualAgent().join();
    agent.keeper.answers = false;
    for (let i = 1; i <= 33; i += 1) {
      agent.receive({ kind: 'read_output', requestId: i, run: RUN, epoch: epoch(7), offset: 0, limit: 0 });
    }
    expect(agent.said('output_chunk')).toMatchObject([{ requestId: 33, chunk: { error: 'too many reads at once' } }]);
  });
});
