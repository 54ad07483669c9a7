import { describe, expect, it } from 'vitest';
import { epoch } from '../../../shared/ids.ts';
import { RUN, TERMS, VirtualAgent } from './virtual-agent.ts';

function running(change: Parameters<VirtualAgent['start']>[0] = {}): VirtualAgent {
  const agent = new VirtualAgent().join();
  agent.start(change);
  agent.live(6_000);
  agent.clear();
  return agent;
}

describe('A8: a pause that a clock counted', () => {
  it('is followed by a heartbeat at once, and by nothing else when the lease lives', () => {
    const agent = running();
    agent.pass(8_000);
    agent.handle({ kind: 'tick' });
    expect(agent.said('heartbeat')).toHaveLength(1);
    expect(agent.stops).toEqual([]);
    agent.grant();
    agent.live(30_000);
    expect(agent.stops).toEqual([]);
  });

  it('stops what is past its deadline before a queued message is acted on', () => {
    const agent = running();
    agent.pass(25_000);
    agent.grant();
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
    expect(agent.keeper.asks('extend')).toEqual([]);
  });

  it('is seen when only boot time counted it, as in suspend', () => {
    const agent = running();
    agent.move({ boot: 8_000, wall: 8_000 });
    agent.handle({ kind: 'tick' });
    expect(agent.said('heartbeat')).toHaveLength(1);
    expect(agent.stops).toEqual([]);
  });

  it('is not held against the leader: its grant may wait in the socket', () => {
    const agent = running();
    agent.advance(5_600);
    agent.pass(6_000);
    agent.handle({ kind: 'tick' });
    expect(agent.ofKind('dial')).toEqual([]);
    agent.advance(4_000);
    expect(agent.ofKind('dial')).toHaveLength(1);
  });

  it('is not held against the keeper: its answer may wait in the socket', () => {
    const agent = running();
    agent.keeper.answers = false;
    agent.advance(1_100);
    agent.pass(6_000);
    agent.handle({ kind: 'tick' });
    expect(agent.ofKind('kill_trees')).toEqual([]);
    agent.advance(2_000);
    expect(agent.ofKind('kill_trees')).toHaveLength(1);
  });

  it('is not held against a controller that was just greeted', () => {
    const agent = running();
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.advance(200);
    agent.connect();
    agent.pass(6_000);
    agent.handle({ kind: 'tick' });
    expect(agent.ofKind('close_stream')).toEqual([]);
  });
});

describe('A8: signs of a clock that stood still', () => {
  /** The machine is frozen, then resumed, and its wall clock is set right. */
  const freeze = (agent: VirtualAgent, ms: number): void => {
    agent.move({ wall: ms });
    agent.handle({ kind: 'tick' });
  };

  it('stop STOP attempts after 2 s unless a heartbeat that was stamped since is granted', () => {
    const agent = running();
    freeze(agent, 60_000);
    expect(agent.said('heartbeat')).toHaveLength(1);
    agent.advance(1_999);
    expect(agent.stops).toEqual([]);
    agent.advance(1);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('do nothing when that heartbeat is granted in time', () => {
    const agent = running();
    freeze(agent, 60_000);
    agent.advance(500);
    agent.grant();
    agent.live(30_000);
    expect(agent.stops).toEqual([]);
  });

  it('are not taken away by a grant for a heartbeat from before', () => {
    const agent = running();
    agent.advance(5_600);
    const before = agent.lastSequence;
    freeze(agent, 60_000);
    agent.grant({ sequence: before });
    expect(agent.keeper.asks('extend')).toEqual([]);
    agent.advance(2_000);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('leave nothing due for an attempt that ended meanwhile and is not acknowledged yet', () => {
    const agent = running();
    freeze(agent, 60_000);
    agent.handle(agent.keeper.end(RUN));
    agent.pass(2_500);
    agent.clear();
    agent.handle({ kind: 'tick' });
    expect(agent.ofKind('wake').at(-1)?.atMono).toBeGreaterThan(agent.now.mono);
  });

  it('are not taken away by an extension that was under way to the keeper', () => {
    const agent = running();
    agent.advance(5_600);
    agent.keeper.answers = false;
    agent.grant();
    freeze(agent, 60_000);
    const request = agent.ofKind('ask_keeper').find(({ ask }) => ask.kind === 'extend')?.request ?? 0;
    const answer = { ok: true, reason: '', detail: '', pid: 0, refused: [] };
    agent.handle({ kind: 'keeper_result', request, ...answer });
    agent.advance(2_000);
    expect(agent.keeper.asks('stop')).toMatchObject([{ cause: 'LAPSED' }]);
  });

  it('make a Welcome worth no lease whose Hello was stamped before', () => {
    const agent = running();
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.advance(200);
    agent.connect();
    freeze(agent, 60_000);
    agent.welcome({ verdicts: [{ run: RUN, epoch: epoch(7), action: 'KEEP', reason: '' }] });
    expect(agent.keeper.asks('extend')).toEqual([]);
    agent.advance(2_000);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('make starts that are bound to a heartbeat from before expire', () => {
    const agent = running();
    agent.advance(5_600);
    const sequence = agent.lastSequence;
    freeze(agent, 60_000);
    agent.start({ run: RUN, epoch: epoch(9), sequence });
    expect(agent.lastAnswer).toMatchObject({ outcome: 'EXPIRED', reason: 'HEARTBEAT_UNKNOWN' });
  });

  it('stop what the grant does not cover', () => {
    const agent = running();
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.advance(200);
    agent.connect();
    agent.welcome({ verdicts: [] });
    freeze(agent, 60_000);
    agent.grant();
    agent.advance(2_000);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it.each(['HOLD', 'OVERLAP'] as const)('do not stop a %s attempt', (onDisconnect) => {
    const agent = running({ terms: { ...TERMS, onDisconnect } });
    freeze(agent, 60_000);
    agent.advance(60_000);
    expect(agent.stops).toEqual([]);
  });

  it('are a step of more than 2 s: a clock that is corrected by less stops nothing', () => {
    const agent = running();
    freeze(agent, 1_900);
    agent.advance(3_000);
    expect(agent.stops).toEqual([]);
  });

  it('are a step forward: a wall clock that is set back says nothing about the others', () => {
    const agent = running();
    freeze(agent, -3_600_000);
    agent.advance(3_000);
    expect(agent.stops).toEqual([]);
  });
});

describe('A8: another generation of the virtual machine', () => {
  const onGeneration = (agent: VirtualAgent, vmGeneration: string | undefined): void => {
    agent.now = { ...agent.now, vmGeneration };
  };
  const watched = (change: Parameters<VirtualAgent['start']>[0] = {}): VirtualAgent => {
    const agent = new VirtualAgent();
    onGeneration(agent, 'first');
    agent.join();
    agent.start(change);
    agent.live(6_000);
    agent.clear();
    return agent;
  };

  it('stops STOP attempts after 2 s unless a heartbeat that was stamped since is granted', () => {
    const agent = watched();
    onGeneration(agent, 'second');
    agent.handle({ kind: 'tick' });
    expect(agent.said('heartbeat')).toHaveLength(1);
    agent.advance(1_999);
    expect(agent.stops).toEqual([]);
    agent.advance(1);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('stops nothing when that heartbeat is granted in time, also later', () => {
    const agent = watched();
    onGeneration(agent, 'second');
    agent.handle({ kind: 'tick' });
    agent.advance(500);
    agent.grant();
    agent.live(30_000);
    expect(agent.stops).toEqual([]);
  });

  it('is seen before the message that comes first: a grant from before the restore extends nothing', () => {
    const agent = watched();
    agent.advance(5_600);
    const before = agent.lastSequence;
    onGeneration(agent, 'second');
    agent.grant({ sequence: before });
    expect(agent.keeper.asks('extend')).toEqual([]);
    agent.advance(2_000);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('is seen on the way to a new session too: its Hello from before is worth no lease, the first heartbeat after it is', () => {
    const agent = watched();
    agent.handle({ kind: 'closed', stream: agent.stream, reason: 'reset' });
    agent.advance(200);
    agent.connect();
    onGeneration(agent, 'second');
    agent.welcome({ verdicts: [{ run: RUN, epoch: epoch(7), action: 'KEEP', reason: '' }] });
    expect(agent.keeper.asks('extend')).toEqual([]);
    agent.grant();
    expect(agent.keeper.asks('extend')).toHaveLength(1);
    agent.advance(5_000);
    expect(agent.stops).toEqual([]);
  });

  it.each(['HOLD', 'OVERLAP'] as const)('does not stop a %s attempt', (onDisconnect) => {
    const agent = watched({ terms: { ...TERMS, onDisconnect } });
    onGeneration(agent, 'second');
    agent.advance(60_000);
    expect(agent.stops).toEqual([]);
  });

  it('is one of its own each time it changes', () => {
    const agent = watched();
    for (const generation of ['second', 'third']) {
      onGeneration(agent, generation);
      agent.handle({ kind: 'tick' });
      agent.advance(500);
      agent.grant();
    }
    onGeneration(agent, 'first');
    agent.advance(7_000);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('is not made up where it can not be read for a while, nor overlooked when it changed meanwhile', () => {
    const agent = watched();
    onGeneration(agent, undefined);
    agent.live(10_000);
    onGeneration(agent, 'first');
    agent.live(10_000);
    expect(agent.stops).toEqual([]);
    onGeneration(agent, undefined);
    agent.live(10_000);
    onGeneration(agent, 'second');
    agent.handle({ kind: 'tick' });
    agent.advance(2_000);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('is no sign when there was nothing to compare it with', () => {
    const agent = running();
    onGeneration(agent, 'first');
    agent.handle({ kind: 'tick' });
    agent.advance(3_000);
    expect(agent.stops).toEqual([]);
  });
});
