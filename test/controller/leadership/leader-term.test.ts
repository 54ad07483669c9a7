import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WholeHello } from '../../../controller/core/cluster/event.ts';
import { LocumError } from '../../../shared/errors.ts';
import { DEFAULT_POOL, serverId } from '../../../shared/ids.ts';
import { createPolicy, leaderTermWorld } from '../leader-term-world.ts';

const full = { kind: 'failed', reason: 'STORE_FULL', detail: 'disk full' } as const;

const hello: WholeHello = {
  server: serverId('web-1'),
  pool: DEFAULT_POOL,
  uid: undefined,
  instanceId: 'i',
  machineId: 'm',
  bootId: 'b',
  uptimeMs: 1,
  agentVersion: '1',
  capabilities: [],
  capacity: { maxSlots: undefined, saturated: false, cpuPercent: 0, memoryPercent: 0 },
  inventory: [],
  highestTerm: 0,
  highestEpoch: 0,
  clusterId: '',
};

async function world() {
  const made = await leaderTermWorld();
  await pass(1);
  return made;
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const reasonOf = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  return error instanceof LocumError ? error.reason : undefined;
};

beforeEach(() => {
  vi.useFakeTimers({
    now: 1_000_000,
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a slow store', () => {
  it('is not handed more than it can take: calls are refused by the bytes that wait, and taken again when they are stored', async () => {
    const { store, leaderTerm, stepDowns } = await world();
    const { promise: hangs, resolve: goOn } = Promise.withResolvers<'pass'>();
    store.plan.push('pass', hangs);
    const first = reasonOf(leaderTerm.call(createPolicy('first')));
    await pass(1);
    const taken: Promise<string | undefined>[] = [];
    let refusal: string | undefined;
    // In turns, for what waits for the core is bounded, too.
    for (let i = 0; refusal === undefined && i < 1_000; i += 1) {
      const call = reasonOf(leaderTerm.call(createPolicy(`large-${i}`, '', ['/bin/true', 'x'.repeat(170_000)])));
      void call.then((reason) => {
        refusal = reason;
      });
      await pass(1);
      if (refusal === undefined) taken.push(call);
    }
    expect(refusal).toBe('OVERLOADED');
    expect(taken.length).toBeGreaterThan(100);
    goOn('pass');
    await pass(1_000);
    expect(new Set(await Promise.all([first, ...taken]))).toEqual(new Set([undefined]));
    const late = reasonOf(leaderTerm.call(createPolicy('late')));
    await pass(10);
    expect([await late, stepDowns]).toEqual([undefined, []]);
  });
});

describe('a full disk', () => {
  it('refuses new calls at once, answers stuck ones after 2 s, and applies them when there is space', async () => {
    const { store, leaderTerm, fatal } = await world();
    store.plan.push(...Array.from({ length: 5 }, () => full));
    const stuck = reasonOf(leaderTerm.call(createPolicy('a', 'r-1')));
    await pass(10);
    const refused = await leaderTerm.call(createPolicy('b')).catch((error: unknown) => error);
    expect(refused).toMatchObject({ reason: 'STORE_FULL', retryAfterMs: 1_000, metadata: {} });
    await pass(2_100);
    expect(await stuck).toBe('STORE_FULL');
    // Reads go on, and show what is acknowledged.
    expect(await leaderTerm.read((state) => [state.policies.size, state.pools.size])).toEqual([0, 1]);

    await pass(3_000);
    expect(leaderTerm.trouble).toBeUndefined();
    expect(await leaderTerm.read((state) => [...state.policies.keys()])).toEqual(['a']);
    const again = leaderTerm.call(createPolicy('a', 'r-1'));
    await pass(10);
    expect(await again).toMatchObject({ kind: 'policy', policy: { id: 'a' } });
    expect(fatal).toEqual([]);
  });

  it('does not keep heartbeats from being granted', async () => {
    const { store, leaderTerm, sent } = await world();
    leaderTerm.post({ kind: 'hello', conn: 1, hello });
    await pass(10);
    expect(sent.map(({ kind }) => kind)).toContain('welcome');
    store.plan.push(...Array.from({ length: 100 }, () => full));
    const stuck = reasonOf(leaderTerm.call(createPolicy('a')));
    await pass(10);
    const nothingNew = { capacity: undefined, capabilities: undefined };
    leaderTerm.post({ kind: 'heartbeat', conn: 1, sequence: 1, generation: 1, ...nothingNew });
    await pass(60);
    expect(sent.at(-1)).toEqual({ kind: 'grant', sequence: 1, generation: 1 });
    await pass(5_000);
    expect(await stuck).toBe('STORE_FULL');
  });

  it('says in its status what waits, since when, and why', async () => {
    const { store, leaderTerm } = await world();
    expect(leaderTerm.storeStatus).toEqual({
      trouble: undefined,
      waitingRecords: 0,
      waitingBytes: 0,
      waitingMs: undefined,
    });
    store.plan.push(...Array.from({ length: 3 }, () => full));
    const stuck = reasonOf(leaderTerm.call(createPolicy('a')));
    await pass(700);
    const { trouble, waitingRecords, waitingBytes, waitingMs } = leaderTerm.storeStatus;
    expect([trouble?.reason, waitingMs]).toEqual(['STORE_FULL', 700]);
    expect([waitingRecords >= 2, waitingBytes > 0]).toEqual([true, true]);
    await pass(5_000);
    expect(await stuck).toBeUndefined();
    expect(leaderTerm.storeStatus).toMatchObject({ trouble: undefined, waitingRecords: 0 });
  });

  it('shows what agents say all the same: their silence is no decision', async () => {
    const { store, leaderTerm } = await world();
    leaderTerm.post({ kind: 'hello', conn: 1, hello });
    await pass(10);
    store.plan.push(...Array.from({ length: 100 }, () => full));
    const stuck = reasonOf(leaderTerm.call(createPolicy('a')));
    await pass(3_000);
    expect(await stuck).toBe('STORE_FULL');
    const shown = await leaderTerm.read((state) => {
      const live = state.serverLive.get(serverId('web-1'));
      return [state.policies.size, state.sessions.size, live?.session?.conn, [...state.events].at(-1)?.type];
    });
    expect(shown).toEqual([0, 1, 1, 'SERVER_REGISTERED']);
  });

  it('that can not be read either says so', async () => {
    const { store, leaderTerm } = await world();
    store.plan.push(...Array.from({ length: 100 }, () => full));
    const stuck = reasonOf(leaderTerm.call(createPolicy('a')));
    await pass(3_000);
    expect(await stuck).toBe('STORE_FULL');
    const load = store.load.bind(store);
    store.load = () => Promise.reject(new Error('no majority'));
    expect(await reasonOf(leaderTerm.read((state) => state.policies.size))).toBe('STORE_FULL');
    store.load = load;
    expect(await leaderTerm.read((state) => state.policies.size)).toBe(0);
    // A snapshot, too, has what is in the store and nothing else.
    expect([...(await leaderTerm.copy()).records.keys()]).not.toContain('policies/a');
  });

  it('lets calls be tried that change nothing', async () => {
    const { store, leaderTerm } = await world();
    store.plan.push(full, full);
    const stuck = reasonOf(leaderTerm.call(createPolicy('a')));
    await pass(10);
    const tried = leaderTerm.call({ ...createPolicy('b'), validateOnly: true });
    await pass(1_500);
    expect(await tried).toMatchObject({ kind: 'policy' });
    expect(await stuck).toBeUndefined();
  });
});

describe('a commit that can never be made', () => {
  it('ends its callers with the reason and the term, whose memory is ahead of the store', async () => {
    const { store, leaderTerm, stepDowns } = await world();
    store.plan.push({ kind: 'refused', detail: 'policies/a would be 2000000 bytes' });
    const call = leaderTerm.call(createPolicy('a')).catch((error: unknown) => error);
    await pass(10);
    expect(await call).toMatchObject({
      reason: 'RECORD_TOO_LARGE',
      message: expect.stringMatching(/policies\/a would be 2000000 bytes; nothing was changed/),
    });
    expect(stepDowns).toEqual([expect.stringContaining('policies/a')]);
    expect((await store.load()).records.map(({ key }) => key)).not.toContain('policies/a');
  });
});

describe('a check that this term is the newest', () => {
  it('comes from the store, each time', async () => {
    const { store, leaderTerm, stepDowns } = await world();
    await expect(leaderTerm.confirmTerm()).resolves.toBeUndefined();
    store.verifications.push(new Error('no majority'));
    expect(await reasonOf(leaderTerm.confirmTerm())).toBe('STORE_UNAVAILABLE');
    await expect(leaderTerm.confirmTerm()).resolves.toBeUndefined();
    expect(stepDowns).toEqual([]);
  });

  it('that fails ends the term: what this controller knows may be old', async () => {
    const { store, leaderTerm, stepDowns } = await world();
    store.verifications.push(false);
    expect(await reasonOf(leaderTerm.confirmTerm())).toBe('NOT_LEADER');
    expect(stepDowns).toHaveLength(1);
  });
});

describe('the end of a term', () => {
  it('leaves nobody waiting: calls get OUTCOME_UNKNOWN, reads and watches the reason', async () => {
    const { store, leaderTerm } = await world();
    store.plan.push(full);
    const call = reasonOf(leaderTerm.call(createPolicy('a')));
    await pass(10);
    const read = reasonOf(leaderTerm.read(() => 1));
    leaderTerm.end(new LocumError('NOT_LEADER', 'over'));
    expect(await call).toBe('OUTCOME_UNKNOWN');
    expect(await read).toBe('NOT_LEADER');
    expect(await reasonOf(leaderTerm.read(() => 1))).toBe('NOT_LEADER');
  });

  it('comes when the store says that the term is over, before anything else leaves', async () => {
    const { store, leaderTerm, sent, stepDowns } = await world();
    await store.resign();
    leaderTerm.post({ kind: 'hello', conn: 1, hello });
    await pass(10);
    expect(stepDowns.length).toBe(1);
    expect(sent).toEqual([]);
  });
});
