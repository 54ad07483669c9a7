import { describe, expect, it, vi } from 'vitest';
import type { Effect } from '../../../controller/core/cluster/effect.ts';
import type { Event } from '../../../controller/core/cluster/event.ts';
import { PAUSE_MS } from '../../../controller/engine/loop.ts';
import { BYTES_PER_COMMIT, PACE_MS } from '../../../controller/engine/pacer.ts';
import type { Heartbeat } from '../../../shared/protocol/agent-message.ts';
import { closed } from './fake-core.ts';
import { turn, useVirtualTime, loopWorld as world } from './loop-world.ts';

const heartbeat = (conn: number, news: Partial<Heartbeat> = {}): Event => {
  return { kind: 'heartbeat', conn, sequence: 1, generation: 1, capacity: undefined, capabilities: undefined, ...news };
};

/** Virtual immediates that are set in an immediate run a virtual millisecond later. */
const nextTurn = () => vi.advanceTimersByTimeAsync(1);

useVirtualTime();

describe('the loop', () => {
  it('steps all that waits in one turn, and flushes once', async () => {
    const { core, loop } = world();
    for (let conn = 1; conn <= 3; conn += 1) loop.post(closed(conn));
    expect(core.turns).toEqual([]);
    await turn();
    expect(core.turns).toEqual([['stream_closed', 'stream_closed', 'stream_closed']]);
  });

  it('steps at most so many events in a turn', async () => {
    const { core, loop } = world({ maxEventsPerTurn: 2 });
    for (let conn = 1; conn <= 5; conn += 1) loop.post(closed(conn));
    await turn();
    await nextTurn();
    await nextTurn();
    expect(core.turns.map(({ length }) => length)).toEqual([2, 2, 1]);
  });

  it('ends a turn when enough waits for the store, and leaves further mail until the commit is done', async () => {
    const { core, loop } = world({ recordsPerCommit: 6 });
    core.recordsPerEvent = 3;
    for (let conn = 1; conn <= 5; conn += 1) loop.post(closed(conn));
    await turn();
    await vi.advanceTimersByTimeAsync(PACE_MS - 2);
    expect(core.turns).toEqual([['stream_closed', 'stream_closed']]);
    loop.postOwn({ kind: 'committed', commit: 1 });
    await nextTurn();
    expect(core.turns.slice(1)).toEqual([['committed'], ['stream_closed', 'stream_closed']]);
    loop.postOwn({ kind: 'committed', commit: 2 });
    await nextTurn();
    expect(core.turns.slice(3)).toEqual([['committed'], ['stream_closed']]);
  });

  it('makes commits of a good size of a few large records, too', async () => {
    const { core, loop } = world();
    core.bytesPerEvent = BYTES_PER_COMMIT / 2;
    for (let conn = 1; conn <= 3; conn += 1) loop.post(closed(conn));
    await turn();
    expect(core.turns).toEqual([['stream_closed', 'stream_closed']]);
  });

  it('lets mail wait for a commit only so long: heartbeats are granted while the store takes no writes', async () => {
    const { core, loop } = world({ recordsPerCommit: 2 });
    core.recordsPerEvent = 3;
    for (let conn = 1; conn <= 3; conn += 1) loop.post(closed(conn));
    loop.post(heartbeat(4));
    await vi.advanceTimersByTimeAsync(PACE_MS - 1);
    expect(core.turns).toEqual([['stream_closed']]);
    await vi.advanceTimersByTimeAsync(2);
    expect(core.turns.flat()).toEqual(['stream_closed', 'stream_closed', 'stream_closed', 'heartbeat']);
    // And what comes later waits no longer at all.
    loop.post(closed(5));
    await nextTurn();
    expect(core.turns.at(-1)).toEqual(['stream_closed']);
  });

  it('judges nobody while heartbeats wait for a commit', async () => {
    const { core, loop } = world({ recordsPerCommit: 2 });
    core.recordsPerEvent = 3;
    core.wakeMono = 100;
    loop.post(closed(1));
    loop.post(heartbeat(2));
    await vi.advanceTimersByTimeAsync(200);
    expect(core.turns).toEqual([['stream_closed']]);
    loop.postOwn({ kind: 'committed', commit: 1 });
    await nextTurn();
    expect(core.turns.flat()).toEqual(['stream_closed', 'committed', 'heartbeat', 'tick']);
  });

  it('says when more waits for the store than it keeps', async () => {
    const { core, loop, overflows } = world({ maxPendingRecords: 5 });
    core.recordsPerEvent = 3;
    loop.post(closed(1));
    await turn();
    expect(overflows).toEqual([]);
    loop.post(closed(2));
    await nextTurn();
    expect(overflows).toEqual([6]);
  });

  it('says when more bytes wait for the store than it keeps, however few records they are', async () => {
    const { core, loop, overflows } = world({ maxPendingBytes: 1_000 });
    core.recordsPerEvent = 1;
    core.bytesPerEvent = 600;
    loop.post(closed(1));
    await turn();
    expect(overflows).toEqual([]);
    loop.post(closed(2));
    await nextTurn();
    expect(overflows).toEqual([2]);
  });

  it('refuses events past its bound, and says when there is room again', async () => {
    const { loop, rooms } = world({ mailboxCapacity: 4, maxEventsPerTurn: 1 });
    const taken = [1, 2, 3, 4, 5, 6].map((conn) => loop.post(closed(conn)));
    expect(taken).toEqual([true, true, true, true, false, false]);
    await turn();
    expect(rooms).toEqual([]);
    await nextTurn();
    expect(rooms).toEqual([2]);
    expect(loop.post(closed(7))).toBe(true);
  });

  it('refuses events past its bound in bytes, however few they are, and says when there is room again', async () => {
    const large = (conn: number): Event => ({
      kind: 'command_result',
      conn,
      commandId: 1,
      outcome: 'REFUSED',
      reason: '',
      detail: 'x'.repeat(500_000),
      pid: 0,
    });
    const { loop, rooms } = world({ mailboxBytes: 4_100_000, maxEventsPerTurn: 1 });
    const taken = [1, 2, 3, 4, 5].map((conn) => loop.post(large(conn)));
    expect(taken).toEqual([true, true, true, true, false]);
    // What says next to nothing is taken for longer.
    expect(loop.post(heartbeat(6))).toBe(true);
    await turn();
    expect(rooms).toEqual([]);
    await nextTurn();
    expect(rooms).toEqual([3]);
    expect(loop.post(large(7))).toBe(true);
  });

  it('steps what the store answers before any mail, without waiting for a turn of Node', async () => {
    const { core, loop } = world();
    loop.post(closed(1));
    loop.postOwn({ kind: 'committed', commit: 1 });
    await Promise.resolve();
    expect(core.turns).toEqual([['committed']]);
    await turn();
    expect(core.turns).toEqual([['committed'], ['stream_closed']]);
  });

  it('takes answers that are given while effects are performed, and never enters the core twice', async () => {
    const { core, loop } = world({}, { perform: () => loop.postOwn({ kind: 'term_verified', check: 1 }) });
    core.effects = [{ kind: 'verify_term', check: 1 }];
    loop.post(closed(1));
    await turn();
    expect(core.turns).toEqual([['stream_closed'], ['term_verified']]);
  });

  it('performs the effects of a turn in one go', async () => {
    const { core, loop, performed } = world();
    const effects: Effect[] = [
      { kind: 'publish', changes: [] },
      { kind: 'verify_term', check: 1 },
    ];
    core.effects = [...effects];
    loop.post(closed(1));
    await turn();
    expect(performed).toEqual([effects]);
  });

  it('wakes the core when it asked to be, never before, and not for a time it gave up', async () => {
    const { core, loop } = world();
    core.wakeMono = 300;
    loop.post(closed(1));
    await turn();
    await vi.advanceTimersByTimeAsync(299);
    expect(core.turns.length).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(core.turns.at(-1)).toEqual(['tick']);
    expect(core.times.at(-1)).toBeGreaterThanOrEqual(300);
    core.wakeMono = 1_000;
    loop.post(closed(2));
    await turn();
    core.wakeMono = undefined;
    loop.post(closed(3));
    await turn();
    await vi.advanceTimersByTimeAsync(1_600);
    expect(core.turns.flat().filter((kind) => kind === 'tick').length).toBe(1);
  });

  it('tells the core of its own pause before anything else, whichever comes first after it', async () => {
    const { core, loop, clock } = world();
    core.wakeMono = 100;
    loop.post(closed(1));
    await turn();
    clock.skewMs += PAUSE_MS + 1;
    loop.post(closed(2));
    await turn();
    expect(core.turns.at(-1)).toEqual(['paused', 'stream_closed']);
    clock.skewMs += PAUSE_MS + 1;
    await vi.advanceTimersByTimeAsync(100);
    expect(core.turns.at(-1)).toEqual(['paused', 'tick']);
  });

  it('notices a pause even when nothing happens, and takes idleness for none', async () => {
    const { core, loop, clock } = world();
    loop.post(closed(1));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(core.turns).toEqual([['stream_closed']]);
    clock.skewMs += 5_000;
    await vi.advanceTimersByTimeAsync(500);
    expect(core.turns).toEqual([['stream_closed'], ['paused']]);
  });

  it('steps the election before anything else, also after a pause: there was no leader to be paused', async () => {
    const { core, loop, clock } = world();
    clock.skewMs += 5_000;
    loop.postOwn({ kind: 'committed', commit: 1 });
    await turn();
    expect(core.turns).toEqual([['committed']]);
  });

  it('lets heartbeats wait for company, and steps each with the time of its arrival', async () => {
    const { core, loop } = world();
    loop.post(heartbeat(1));
    await vi.advanceTimersByTimeAsync(30);
    loop.post(heartbeat(2));
    await vi.advanceTimersByTimeAsync(19);
    expect(core.turns).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(core.turns).toEqual([['heartbeat', 'heartbeat']]);
    expect(core.times).toEqual([0, 30]);
  });

  it.each([
    ['capacity', { capacity: { maxSlots: 4, saturated: false, cpuPercent: 1, memoryPercent: 1 } }],
    ['capabilities', { capabilities: [] }],
    ['host problems', { hostProblems: [] }],
  ] satisfies [string, Partial<Heartbeat>][])(
    'lets no heartbeat wait that has news of %s, and takes those along that wait',
    async (_what, news) => {
      const { core, loop } = world();
      loop.post(heartbeat(1));
      await turn();
      expect(core.turns).toEqual([]);
      loop.post(heartbeat(2, news));
      await turn();
      expect(core.turns).toEqual([['heartbeat', 'heartbeat']]);
    },
  );

  it('takes waiting heartbeats along when anything else happens, in the order in which all came', async () => {
    const { core, loop } = world();
    loop.post(heartbeat(1));
    await vi.advanceTimersByTimeAsync(10);
    loop.post(closed(1));
    loop.post(heartbeat(2));
    await turn();
    expect(core.turns).toEqual([['heartbeat', 'stream_closed', 'heartbeat']]);
    expect(core.times).toEqual([0, 10, 10]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(core.turns.length).toBe(1);
  });

  it('never steps back in time', async () => {
    const { core, loop } = world();
    loop.postOwn({ kind: 'committed', commit: 1 });
    await turn();
    loop.post(heartbeat(1));
    await vi.advanceTimersByTimeAsync(10);
    loop.postOwn({ kind: 'committed', commit: 2 });
    await vi.advanceTimersByTimeAsync(100);
    expect(core.turns).toEqual([['committed'], ['committed'], ['heartbeat']]);
    expect(core.times).toEqual([0, 10, 10]);
  });

  it('stops for good when the core meets a defect', async () => {
    const { core, loop, fatal } = world();
    core.fail = new Error('broken invariant');
    loop.post(closed(1));
    await turn();
    expect(fatal).toEqual([core.fail]);
  });
});
