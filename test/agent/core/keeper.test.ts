import { describe, expect, it } from 'vitest';
import { epoch, policyId, runId } from '../../../shared/ids.ts';
import { RUN, TERMS, VirtualAgent } from './virtual-agent.ts';
import { KEEPER_PID, keptAttempt } from './virtual-keeper.ts';

function running(change: Parameters<VirtualAgent['start']>[0] = {}): VirtualAgent {
  const agent = new VirtualAgent().join();
  agent.start(change);
  agent.clear();
  return agent;
}

const kills = (agent: VirtualAgent) => agent.ofKind('kill_trees');

describe('A7: after a restart of the agent', () => {
  const kept = (agent: VirtualAgent, leftMs: number, onDisconnect: 'STOP' | 'HOLD' = 'STOP') =>
    keptAttempt({
      ...{ run: RUN, policy: policyId('import'), epoch: epoch(7), slots: 1, pid: 99 },
      terms: { ...TERMS, onDisconnect },
      deadline: { mono: agent.now.mono + leftMs, boot: agent.now.boot + leftMs },
    });

  it('what a live keeper holds with an unexpired lease is adopted', () => {
    const agent = new VirtualAgent();
    agent.keeper.table.set(RUN, kept(agent, 1));
    agent.begin();
    expect(agent.stops).toEqual([]);
    agent.connect();
    expect(agent.said('hello')).toMatchObject([{ attempts: [{ run: RUN, state: 'RUNNING' }] }]);
  });

  it('what is past its lease is stopped before the Hello', () => {
    const agent = new VirtualAgent();
    agent.keeper.table.set(RUN, kept(agent, 0));
    agent.begin();
    agent.connect();
    const order = agent.effects.map((e) =>
      e.kind === 'ask_keeper' ? e.ask.kind : e.kind === 'send' ? e.message.kind : e.kind,
    );
    expect(order.indexOf('stop')).toBeGreaterThan(0);
    expect(order.indexOf('stop')).toBeLessThan(order.indexOf('hello'));
  });

  it('a HOLD attempt is adopted at any deadline', () => {
    const agent = new VirtualAgent();
    agent.keeper.table.set(RUN, kept(agent, -600_000, 'HOLD'));
    agent.begin();
    agent.connect();
    agent.advance(1_000);
    expect(agent.stops).toEqual([]);
  });

  it('an epoch that its keeper holds is spent', () => {
    const agent = new VirtualAgent();
    agent.keeper.table.set(RUN, kept(agent, 15_000));
    agent.join();
    agent.handle(agent.keeper.end(RUN));
    agent.start({ epoch: epoch(7) });
    expect(agent.lastAnswer?.outcome).toBe('ALREADY_APPLIED');
    agent.start({ epoch: epoch(6) });
    expect(agent.lastAnswer?.outcome).toBe('STALE');
  });

  it('the highest term that the keeper was told counts', () => {
    const agent = new VirtualAgent();
    agent.handle({ kind: 'begin' });
    agent.handle(agent.keeper.opened({ highestTerm: 2 ** 50 }));
    agent.connect();
    agent.welcome();
    expect(agent.state.session).toBeUndefined();
  });
});

describe('A9: an extension', () => {
  it('counts only once the keeper has acknowledged it', () => {
    const agent = running();
    agent.advance(5_600);
    agent.keeper.answers = false;
    agent.grant();
    expect(agent.keeper.asks('extend')).toHaveLength(1);
    const before = [...agent.state.attempts.values()].map(({ deadline }) => deadline);
    agent.handle({ kind: 'keeper_pong' });
    expect([...agent.state.attempts.values()].map(({ deadline }) => deadline)).toEqual(before);
  });

  it('that the keeper refuses does not count', () => {
    const agent = running();
    agent.advance(5_600);
    agent.keeper.answers = false;
    agent.grant();
    const request = agent.ofKind('ask_keeper').find(({ ask }) => ask.kind === 'extend')?.request ?? 0;
    const refused = [{ run: RUN, epoch: epoch(7) }];
    agent.handle({ kind: 'keeper_result', request, ok: true, reason: '', detail: '', pid: 0, refused });
    agent.keeper.answers = true;
    agent.handle({ kind: 'keeper_pong' });
    agent.advance(14_400);
    expect(agent.stops).toEqual(['import-1@7 LAPSED']);
  });

  it('is not asked for an attempt that the keeper stops by itself', () => {
    const agent = running();
    const table = agent.keeper.table.get(RUN);
    if (table === undefined) throw new Error('it is there');
    agent.handle({ kind: 'keeper_changed', attempt: { ...table, status: { ...table.status, state: 'STOPPING' } } });
    agent.live(12_000);
    expect(agent.keeper.asks('extend')).toEqual([]);
  });
});

describe('A9: a keeper that is silent for 2 s', () => {
  it('is killed with the trees that are bound by a lease, and with no other', () => {
    const agent = running();
    agent.start({ run: runId('hold-2'), epoch: epoch(8), terms: { ...TERMS, onDisconnect: 'HOLD' } });
    agent.keeper.answers = false;
    agent.advance(1_000 + 1_999);
    expect(kills(agent)).toEqual([]);
    agent.advance(1_001);
    expect(kills(agent)).toMatchObject([
      { keeperPid: KEEPER_PID, trees: [{ run: RUN, epoch: 7, cgroup: 'locum/import-1-7', pid: 101 }] },
    ]);
    expect(kills(agent)[0]?.trees).toHaveLength(1);
  });

  it('is seen in a minute of idling too, within 7 s', () => {
    const agent = new VirtualAgent().join();
    agent.keeper.answers = false;
    agent.advance(7_001);
    expect(kills(agent)).toHaveLength(1);
  });

  it('is judged by its pongs, whatever else it says: only they prove that it could kill', () => {
    const agent = running();
    const table = agent.keeper.table.get(RUN);
    if (table === undefined) throw new Error('it is there');
    agent.keeper.answers = false;
    for (let i = 0; i < 7; i += 1) {
      agent.advance(500);
      agent.handle({ kind: 'keeper_changed', attempt: table });
    }
    expect(kills(agent)).toHaveLength(1);
  });

  it('is asked again meanwhile: one ping that its hands could not answer kills nothing', () => {
    const agent = running();
    agent.keeper.answers = false;
    agent.advance(1_500);
    agent.keeper.answers = true;
    agent.advance(5_000);
    expect(agent.keeper.asks('ping').length).toBeGreaterThan(3);
    expect(kills(agent)).toEqual([]);
  });

  it('has ended what is proven empty; the rest is stuck until the next keeper tells', () => {
    const agent = running();
    agent.start({ run: runId('other-2'), epoch: epoch(8) });
    agent.keeper.answers = false;
    agent.advance(4_001);
    agent.clear();
    const [one, two] = [
      { run: RUN, epoch: epoch(7) },
      { run: runId('other-2'), epoch: epoch(8) },
    ];
    agent.handle({ kind: 'trees_killed', killed: [one], left: [two] });
    expect(agent.said('report')).toMatchObject([
      {
        attempts: [
          { run: RUN, state: 'ENDED', end: { cause: 'LOST' } },
          { run: 'other-2', state: 'STUCK' },
        ],
      },
    ]);
    expect(agent.ofKind('open_keeper')).toMatchObject([{ mayStart: true }]);
    agent.keeper.answers = true;
    agent.keeper.table.clear();
    agent.handle(agent.keeper.opened());
    expect(agent.said('report').at(-1)).toMatchObject({ attempts: [{ run: 'other-2', state: 'ENDED' }] });
  });
});

describe('A9: a connection to the keeper that ends', () => {
  it('is made again first: a keeper that is there goes on, and nothing is stopped', () => {
    const agent = running();
    agent.handle({ kind: 'keeper_closed', detail: 'reset' });
    expect(agent.ofKind('open_keeper')).toMatchObject([{ mayStart: false }]);
    agent.handle(agent.keeper.opened());
    agent.live(25_000);
    expect(kills(agent)).toEqual([]);
    expect(agent.stops).toEqual([]);
  });

  it('and can not be made again means a dead keeper: its trees are killed at once', () => {
    const agent = running();
    agent.handle({ kind: 'keeper_closed', detail: 'reset' });
    agent.handle({ kind: 'keeper_closed', detail: 'nobody there' });
    expect(kills(agent)).toHaveLength(1);
  });

  it('and is not made again within 2 s means a dead keeper too', () => {
    const agent = running();
    agent.handle({ kind: 'keeper_closed', detail: 'reset' });
    agent.advance(2_000);
    expect(kills(agent)).toHaveLength(1);
  });

  it('forgets no stop: one that was asked for meanwhile is asked for again', () => {
    const agent = running();
    agent.handle({ kind: 'keeper_closed', detail: 'reset' });
    agent.stop();
    expect(agent.lastAnswer?.outcome).toBe('APPLIED');
    expect(agent.stops).toEqual([]);
    agent.handle(agent.keeper.opened());
    expect(agent.stops).toEqual(['import-1@7 STOPPED']);
  });

  it('leaves a start that was not answered to the table of the next connection', () => {
    const lost = new VirtualAgent().join();
    lost.keeper.holdsStarts = true;
    lost.start();
    lost.handle({ kind: 'keeper_closed', detail: 'reset' });
    lost.receive({ kind: 'report_full_state', reason: 'test' });
    expect(lost.said('full_state')).toMatchObject([{ attempts: [{ run: RUN, state: 'STARTING' }] }]);
    lost.handle(lost.keeper.opened());
    expect(lost.said('report')).toMatchObject([{ attempts: [{ run: RUN, state: 'ENDED', end: { cause: 'LOST' } }] }]);
  });

  it('refuses starts meanwhile', () => {
    const agent = running();
    agent.handle({ kind: 'keeper_closed', detail: 'reset' });
    agent.start({ run: runId('other-2'), epoch: epoch(8) });
    expect(agent.lastAnswer).toMatchObject({ outcome: 'REFUSED', reason: 'KEEPER_UNAVAILABLE' });
  });

  it('that lasts is told to the leader, which gives the server no new runs, until there is a keeper again', () => {
    const agent = running();
    agent.handle({ kind: 'keeper_closed', detail: 'reset' });
    agent.live(2_500);
    agent.handle({ kind: 'trees_killed', killed: [], left: [] });
    agent.handle({ kind: 'keeper_closed', detail: 'no socket' });
    agent.live(15_000);
    agent.handle(agent.keeper.opened());
    agent.live(6_000);
    const told = agent
      .said('heartbeat')
      .flatMap(({ hostProblems }) => (hostProblems === undefined ? [] : [hostProblems]));
    expect(told).toEqual([[{ kind: 'OTHER', detail: 'there is no keeper: no socket' }], []]);
  });

  it('is tried again every second when no keeper can be started', () => {
    const agent = new VirtualAgent();
    agent.handle({ kind: 'begin' });
    for (let i = 0; i < 3; i += 1) {
      agent.handle({ kind: 'keeper_closed', detail: 'no' });
      agent.advance(1_000);
    }
    expect(agent.ofKind('open_keeper')).toHaveLength(4);
    // And told once: it may last for days.
    expect(agent.ofKind('log').filter(({ text }) => text.startsWith('there is no keeper'))).toHaveLength(1);
  });

  it('while a stream is being opened ends that stream: there is no inventory to say Hello with', () => {
    const agent = new VirtualAgent().begin();
    agent.handle({ kind: 'keeper_closed', detail: 'reset' });
    agent.connect();
    expect(agent.said('hello')).toEqual([]);
    expect(agent.ofKind('close_stream')).toHaveLength(1);
  });
});
