import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeRecord } from '../../../controller/codec/record.ts';
import { READ_HEADER, StaleReads } from '../../../controller/replication/stale-reads.ts';
import { WarmCopy } from '../../../controller/replication/warm-copy.ts';
import { ChangeLog } from '../../../controller/store/change-log.ts';
import { MemoryCluster, MemoryStore } from '../../../controller/store/memory.ts';
import type { Snapshot } from '../../../controller/store/store.ts';
import { present } from '../../../shared/assert.ts';
import { DEFAULT_TIMERS } from '../../../shared/protocol/timers.ts';
import { bytes } from '../../store/store-world.ts';
import { SILENT } from './leaders-seen.ts';

const meta = (lastRun: number) =>
  ({
    kind: 'meta',
    lastEpoch: 3,
    lastRun,
    lastEvent: 0,
    lastEventBefore: 0,
    lastUid: 0,
    droppedEvent: 0,
    age: 0,
  }) as const;

/** A leader that writes, and the copy of a follower, which follows when told to. */
async function copied(nowMono = () => 5) {
  const cluster = new MemoryCluster();
  const leader = new MemoryStore(cluster);
  const { term } = await leader.campaign('leader', new AbortController().signal);
  let number = 0;
  const write = async (lastRun: number): Promise<void> => {
    number += 1;
    const writes = [{ kind: 'put', key: 'meta', value: encodeRecord(meta(lastRun)) }] as const;
    await leader.commit({ term, number, writes });
  };
  const over = new AbortController();
  onTestFinished(() => over.abort());
  const copy = new WarmCopy(new MemoryStore(cluster), SILENT);
  const reads = new StaleReads({
    copy,
    identity: cluster.identity,
    term: () => term,
    clock: () => ({ mono: nowMono(), wall: 1_700_000_000_000 }),
    version: 'test',
    initialTimers: DEFAULT_TIMERS,
  });
  const lastRun = (): Promise<number> => reads.read((state) => state.meta.lastRun);
  const caughtUp = async (): Promise<void> => {
    while (copy.revision !== cluster.load().revision) await new Promise((resolve) => setImmediate(resolve));
  };
  return { write, copy, reads, lastRun, caughtUp, term, follow: () => void copy.follow(over.signal) };
}

describe('stale reads', () => {
  it('are refused until the store was read, with when to repeat', async () => {
    const { reads } = await copied();
    await expect(reads.read((state) => state)).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      retryAfterMs: 500,
    });
  });

  it('are of whoever follows now: a load that was given up and comes late changes nothing', async () => {
    const loads = [Promise.withResolvers<Snapshot>(), Promise.withResolvers<Snapshot>()];
    const [first, second] = loads;
    let load = 0;
    const copy = new WarmCopy(
      {
        load: async () => present(loads[load++], 'a load').promise,
        watch: (_, signal) => new ChangeLog(2).watch(2, signal),
      },
      SILENT,
    );
    const [before, now] = [new AbortController(), new AbortController()];
    onTestFinished(() => now.abort());
    void copy.follow(before.signal);
    before.abort();
    void copy.follow(now.signal);
    second?.resolve({ revision: 2, records: [{ key: 'a', value: bytes('new') }] });
    await new Promise((resolve) => setImmediate(resolve));
    first?.resolve({ revision: 1, records: [{ key: 'a', value: bytes('old') }] });
    await new Promise((resolve) => setImmediate(resolve));
    expect(copy.copy).toEqual({ revision: 2, records: [{ key: 'a', value: bytes('new') }] });
  });

  it('show what the leader wrote, as soon as the watch brings it', async () => {
    const { write, follow, lastRun, caughtUp } = await copied();
    await write(1);
    follow();
    await caughtUp();
    expect(await lastRun()).toBe(1);
    await write(2);
    await caughtUp();
    expect(await lastRun()).toBe(2);
  });

  it('look at one state while nothing is written, which no election of theirs has touched', async () => {
    const { write, follow, reads, caughtUp, term } = await copied();
    await write(1);
    follow();
    await caughtUp();
    const first = await reads.read((state) => state);
    expect(await reads.read((state) => state)).toBe(first);
    expect([first.term, [...first.events]]).toEqual([term, []]);
    await write(2);
    await caughtUp();
    expect(await reads.read((state) => state)).not.toBe(first);
  });

  it('of a store that takes long to read are made anew for a tenth of the time, and at least every 2 s', async () => {
    for (const [tookMs, restMs] of [
      [100, 900],
      [1_000, 2_000],
    ] as const) {
      let mono = 0;
      let stepMs = 0;
      const { write, follow, lastRun, caughtUp } = await copied(() => {
        mono += stepMs;
        return mono;
      });
      await write(1);
      follow();
      await caughtUp();
      // Two steps of the clock while it is made, and one more when it is looked at.
      stepMs = tookMs / 2;
      expect(await lastRun()).toBe(1);
      stepMs = 0;
      await write(2);
      await caughtUp();
      mono += restMs - tookMs / 2 - 1;
      expect(await lastRun()).toBe(1);
      mono += tookMs / 2 + 1;
      expect(await lastRun()).toBe(2);
    }
  });

  it('change nothing, prove nothing and can not be watched: who asks for that is told not to repeat it', async () => {
    const { reads } = await copied();
    for (const ask of [() => reads.call(), () => reads.confirmTerm()]) {
      await expect(ask()).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
        code: 'INVALID_ARGUMENT',
        retryAfterMs: undefined,
        fieldViolations: [{ field: READ_HEADER }],
      });
    }
    expect(() => reads.hub).toThrow(/can not be watched/);
  });
});
