import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  READER_PATIENCE_IN_NEED_MS,
  READER_PATIENCE_MS,
  SnapshotStreams,
} from '../../../controller/api/snapshot-streams.ts';
import { decodeSnapshot } from '../../../controller/snapshot/snapshot.ts';
import { copyInSlices } from '../../../controller/snapshot/state-copy.ts';
import { LIMITS } from '../../../shared/limits.ts';
import { stateOfNewLeader } from '../new-leader.ts';

const copy = () => copyInSlices(stateOfNewLeader());
const full = { reason: 'OVERLOADED' };

describe('snapshots on their way to clients', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** As many as may be, each with its first piece read. */
  async function several(streams: SnapshotStreams) {
    const readers = Array.from({ length: LIMITS.snapshots }, () => streams.save(copy));
    for (const reader of readers) await reader.next();
    await expect(streams.save(copy).next()).rejects.toMatchObject(full);
    return readers;
  }

  it('are a few at once, and one that is left or can not be made gives up its place', async () => {
    const streams = new SnapshotStreams();
    const [first] = await several(streams);
    await first?.return(undefined);
    await expect(streams.save(() => Promise.reject(new Error('no copy'))).next()).rejects.toThrow('no copy');
    const pieces: Uint8Array[] = [];
    for await (const { data } of streams.save(copy)) pieces.push(data);
    expect(decodeSnapshot(Buffer.concat(pieces)).records.length).toBeGreaterThan(0);
  });

  it('end for clients that read nothing, so that the next can be saved', async () => {
    const streams = new SnapshotStreams();
    const readers = await several(streams);
    vi.advanceTimersByTime(READER_PATIENCE_MS - 1);
    await expect(streams.save(copy).next()).rejects.toMatchObject(full);
    vi.advanceTimersByTime(1);
    const next = streams.save(copy);
    expect((await next.next()).done).toBe(false);
    await expect(readers[0]?.next()).rejects.toMatchObject({ reason: 'SLOW_READER' });
    // Its end frees no place a second time.
    await othersTaken(streams);
  });

  it('take only so much memory together, and one that hangs makes room for the next', async () => {
    const streams = new SnapshotStreams(1);
    const hanging = streams.save(copy);
    await hanging.next();
    await expect(streams.save(copy).next()).rejects.toMatchObject(full);
    vi.advanceTimersByTime(READER_PATIENCE_IN_NEED_MS - 1);
    await expect(streams.save(copy).next()).rejects.toMatchObject(full);
    vi.advanceTimersByTime(1);
    // However large it is: one alone may always be saved.
    expect((await streams.save(copy).next()).done).toBe(false);
    await expect(hanging.next()).rejects.toMatchObject({ reason: 'SLOW_READER' });
  });

  it('are made one after the other, also by those who ask at once', async () => {
    const streams = new SnapshotStreams(1);
    const asked = await Promise.allSettled([streams.save(copy).next(), streams.save(copy).next()]);
    expect(asked.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  /** One place is taken; the others are free. */
  async function othersTaken(streams: SnapshotStreams): Promise<void> {
    for (let i = 1; i < LIMITS.snapshots; i += 1) expect((await streams.save(copy).next()).done).toBe(false);
    await expect(streams.save(copy).next()).rejects.toMatchObject(full);
  }
});
