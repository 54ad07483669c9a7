import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeRecord } from '../../../controller/codec/record.ts';
import { decodeSnapshot, restoreSnapshot } from '../../../controller/snapshot/snapshot.ts';
import { openStore } from '../../../controller/store/open.ts';
import { incarnationOf } from '../../../shared/ids.ts';
import { snapshotOfNewLeader, stateOfNewLeader } from '../new-leader.ts';

describe('snapshots', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'locum-snapshot-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('bring every record into a new store, whose terms are above all that the old one can still give', async () => {
    const state = stateOfNewLeader();
    const restored = await restoreSnapshot(decodeSnapshot(await snapshotOfNewLeader()), `sqlite:${folder}/new.db`);
    expect(restored).toMatchObject({ clusterId: 'c-1', incarnation: 2 });
    const store = await openStore(`sqlite:${folder}/new.db`);
    try {
      const { term } = await store.campaign('one', new AbortController().signal);
      const { records } = await store.load();
      expect(incarnationOf(term)).toBe(2);
      expect(records.length).toBe(restored.records);
      expect(records.map(({ key, value }) => decodeRecord(key, value))).toContainEqual(
        state.pools.values().next().value,
      );
    } finally {
      await store.close();
    }
  });

  it('are refused when a byte changed, when they are cut short, and when they are something else', async () => {
    const file = await snapshotOfNewLeader();
    const changed = Uint8Array.from(file);
    changed[changed.length - 3] = (changed.at(-3) ?? 0) ^ 1;
    expect(() => decodeSnapshot(changed)).toThrow(/checksum/);
    expect(() => decodeSnapshot(file.subarray(0, -1))).toThrow(/checksum/);
    expect(() => decodeSnapshot(new Uint8Array(200))).toThrow(/no snapshot/);
  });

  it('are not restored over a store that exists', async () => {
    const snapshot = decodeSnapshot(await snapshotOfNewLeader());
    await restoreSnapshot(snapshot, `sqlite:${folder}/new.db`);
    await expect(restoreSnapshot(snapshot, `sqlite:${folder}/new.db`)).rejects.toThrow(/already/);
  });
});
