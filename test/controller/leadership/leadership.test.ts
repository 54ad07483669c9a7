import { describe, expect, it, vi } from 'vitest';
import { AgentStreams } from '../../../controller/agents/agent-streams.ts';
import { encodeRecord } from '../../../controller/codec/record.ts';
import { newMeta } from '../../../controller/core/records/meta.ts';
import { systemClock } from '../../../controller/engine/clock.ts';
import { isFirstOfIncarnation, Leadership } from '../../../controller/leadership/leadership.ts';
import { RoleWatch } from '../../../controller/leadership/role.ts';
import { ControllerMetrics } from '../../../controller/metrics.ts';
import { MemoryCluster, MemoryStore } from '../../../controller/store/memory.ts';
import { StoreError } from '../../../controller/store/store.ts';
import { createLogger } from '../../../shared/log.ts';
import { DEFAULT_TIMERS } from '../../../shared/protocol/timers.ts';
import { eventually } from '../controller-world.ts';

const meta = (lastEpoch: number) => ({ ...newMeta(0), lastEpoch });

function leadershipOf(cluster: MemoryCluster) {
  const store = new MemoryStore(cluster);
  const metrics = new ControllerMetrics();
  const log = createLogger({ name: 'test', level: 'silent' });
  const shared = { clock: systemClock, log, metrics };
  const terms: (number | undefined)[] = [];
  const fatal: unknown[] = [];
  const role = new RoleWatch();
  void (async () => {
    for await (const now of role.changes(new AbortController().signal))
      terms.push(now.kind === 'LEADING' ? now.leaderTerm.term : undefined);
  })();
  const leadership = new Leadership({
    ...shared,
    store,
    agents: new AgentStreams({ ...shared, owner: { cut: () => undefined } }),
    candidate: 'test',
    version: 'test',
    initialTimers: DEFAULT_TIMERS,
    role,
    fail: (error) => void fatal.push(error),
  });
  return { store, leadership, terms, fatal };
}

describe('a leadership', () => {
  it('that is taken away ends its term, and begins another one with what the store holds', async () => {
    const cluster = new MemoryCluster();
    const { store, leadership, terms, fatal } = leadershipOf(cluster);
    await leadership.start();
    const first = leadership.leaderTerm?.term ?? 0;
    const uid = await leadership.leaderTerm?.read((state) => [...state.pools.values()][0]?.uid);
    cluster.depose(first, 'for a test');
    const second = await eventually(async () => {
      const { leaderTerm } = leadership;
      return leaderTerm !== undefined && leaderTerm.term > first ? leaderTerm : undefined;
    });
    expect(await second.read((state) => [...state.pools.values()][0]?.uid)).toBe(uid);
    await leadership.close();
    expect(terms).toEqual([undefined, first, undefined, second.term, undefined]);
    expect(cluster.leader).toBeUndefined();
    expect(fatal).toEqual([]);
    await store.close();
  });

  it('is not won while the store is full, and is once it has space', async () => {
    const { store, leadership, fatal } = leadershipOf(new MemoryCluster());
    const campaign = store.campaign.bind(store);
    let tries = 0;
    store.campaign = (...args) => {
      tries += 1;
      return tries < 2 ? Promise.reject(new StoreError('STORE_FULL', 'no space')) : campaign(...args);
    };
    await leadership.start();
    expect([tries, leadership.leads, fatal]).toEqual([2, true, []]);
    await leadership.close();
    await store.close();
  });

  it('that ends by itself while its last calls are answered leaves the next one alone', async () => {
    const cluster = new MemoryCluster();
    const { store, leadership, terms } = leadershipOf(cluster);
    await leadership.start();
    const first = leadership.leaderTerm;
    if (first === undefined) throw new Error('it leads');
    vi.spyOn(first, 'pendingCalls', 'get').mockReturnValue(1);
    let rested = false;
    const rest = async (): Promise<void> => {
      rested = true;
    };
    const handedOver = leadership.handOver({ to: undefined, rest });
    cluster.depose(first.term, 'for a test');
    await handedOver;
    const second = await eventually(async () => leadership.leaderTerm);
    cluster.depose(second.term, 'for a test');
    const third = await eventually(async () => (leadership.leaderTerm === second ? undefined : leadership.leaderTerm));
    await leadership.close();
    expect(terms).toEqual([undefined, first.term, undefined, second.term, undefined, third.term, undefined]);
    expect(rested).toBe(false);
    await store.close();
  });

  it('does not begin on a record that can not be read', async () => {
    const cluster = new MemoryCluster();
    const writer = new MemoryStore(cluster);
    const { term } = await writer.campaign('writer', new AbortController().signal);
    const writes = [{ kind: 'put' as const, key: 'policies/x', value: encodeRecord(meta(1)) }];
    await writer.commit({ term, number: 1, writes });
    await writer.resign();
    const { leadership, terms } = leadershipOf(cluster);
    await expect(leadership.start()).rejects.toMatchObject({ reason: 'CORRUPT' });
    expect(terms).toEqual([undefined]);
    await leadership.close();
  });

  it('waits for its turn, and can be closed while it waits', async () => {
    const cluster = new MemoryCluster();
    const holder = new MemoryStore(cluster);
    await holder.campaign('holder', new AbortController().signal);
    const { leadership, terms } = leadershipOf(cluster);
    void leadership.start();
    await leadership.close();
    expect(terms).toEqual([undefined]);
  });
});

describe('the first leader of an incarnation', () => {
  it('is the one before which nothing was started in it, however many came and went', () => {
    const unit = 2 ** 40;
    expect(isFirstOfIncarnation([], 1)).toBe(false);
    // Adopted or restored as the second life: the last epoch is of the first one, or only its own floor.
    expect(isFirstOfIncarnation([meta(17)], 2)).toBe(true);
    expect(isFirstOfIncarnation([meta(unit)], 2)).toBe(true);
    expect(isFirstOfIncarnation([meta(unit + 1)], 2)).toBe(false);
  });
});
