/** Folders and disks that a store can't live on, and one that runs full. */
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../controller/store/sqlite.ts';
import { networkFileSystem } from '../../controller/store/sqlite-place.ts';
import type { CommitOutcome } from '../../controller/store/store.ts';
import { cannotMount, makeStore, openForTest, run, testFolder } from './sqlite-folder.ts';
import { contents, elect, put, revisionOf } from './store-world.ts';

function mount(...args: readonly string[]): void {
  const failed = run('mount', ...args);
  if (failed !== undefined) throw new Error(failed);
}

test('a folder that does not exist is named, and not made', async () => {
  const folder = join(testFolder(), 'missing');
  await expect(openSqliteStore(join(folder, 'store.sqlite'))).rejects.toMatchObject({
    name: 'StoreError',
    reason: 'STORE_UNAVAILABLE',
    message: expect.stringMatching(/missing can't be used \(ENOENT.*Create it first/),
  });
});

test('a path through a file is refused', async () => {
  const folder = testFolder();
  writeFileSync(join(folder, 'file'), '');
  await expect(openSqliteStore(join(folder, 'file', 'store.sqlite'))).rejects.toMatchObject({
    reason: 'STORE_UNAVAILABLE',
  });
});

test('a folder or file that may not be written is refused with its name', async (ctx) => {
  const folder = testFolder();
  const file = join(folder, 'store.sqlite');
  await makeStore(file, { a: '1' });
  mkdirSync(join(folder, 'new'));
  if (process.getuid?.() === 0) {
    const missing = cannotMount(join(folder, 'new'));
    if (missing !== undefined) ctx.skip(`as root permissions do not count, and ${missing}`);
    mount('--bind', folder, folder);
    onTestFinished(() => void run('umount', folder));
    mount('-o', 'remount,bind,ro', folder);
  } else {
    chmodSync(file, 0o400);
    for (const closed of [join(folder, 'new'), folder]) chmodSync(closed, 0o500);
    onTestFinished(() => chmodSync(folder, 0o700));
  }
  for (const path of [file, join(folder, 'new', 'store.sqlite')]) {
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      name: 'StoreError',
      reason: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(`${path} can't be`),
    });
  }
});

test('network file systems are known by their type, local ones are not taken for one', () => {
  // NFS, CIFS (also as the negative number it may come as), SMB 2, 9P, FUSE.
  for (const type of [0x6969, 0xff534d42, 0xff534d42 | 0, 0xfe534d42, 0x01021997, 0x65735546]) {
    expect(networkFileSystem(type)).toBeDefined();
  }
  // ext4, XFS, Btrfs, tmpfs, overlay, ZFS.
  for (const type of [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1]) {
    expect(networkFileSystem(type)).toBeUndefined();
  }
});

test('a folder on a network file system is refused before anything is made in it', async () => {
  const folder = testFolder();
  const opening = openSqliteStore(join(folder, 'store.sqlite'), { fileSystemTypeOf: async () => 0x6969 });
  await expect(opening).rejects.toMatchObject({
    reason: 'STORE_UNAVAILABLE',
    message: expect.stringMatching(/network file system \(NFS\).*local disk, or etcd/),
  });
  expect(readdirSync(folder)).toEqual([]);
});

test('a full disk loses nothing that was acknowledged, and there is more to come once it has space', async (ctx) => {
  const folder = testFolder();
  const missing = cannotMount(folder);
  if (missing !== undefined) ctx.skip(missing);
  mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
  onTestFinished(() => void run('umount', folder));
  const ballast = join(folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(512 * 1024));

  const store = await openForTest(join(folder, 'store.sqlite'));
  const { term } = await elect(store);
  const commit = (n: number): Promise<CommitOutcome> => {
    const writes = [put(`k/${String(n).padStart(4, '0')}`, 'x'.repeat(10_000))];
    return store.commit({ term, number: n, writes });
  };
  // Several at a time, so that the disk runs full in the middle of a group.
  const outcomes: CommitOutcome[] = [];
  while (!outcomes.some((outcome) => outcome.kind !== 'committed')) {
    outcomes.push(...(await Promise.all([1, 2, 3, 4].map((i) => commit(outcomes.length + i)))));
  }
  const committed = outcomes.findIndex((outcome) => outcome.kind !== 'committed');
  const failed = committed + 1;
  expect(committed).toBeGreaterThan(3);
  for (const outcome of outcomes.slice(committed)) {
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'STORE_FULL' });
  }
  expect((await store.load()).records).toHaveLength(committed);
  expect(await store.lastCommit(term)).toBe(committed);
  expect(await store.verifyTerm(term)).toBe(true);
  // Those sent after it wait for it.
  expect(await commit(failed + 1)).toMatchObject({ kind: 'failed', reason: 'STORE_FULL' });

  rmSync(ballast);
  revisionOf(await commit(failed));
  revisionOf(await commit(failed + 1));
  await store.close();
  expect((await (await openForTest(join(folder, 'store.sqlite'))).load()).records).toHaveLength(failed + 1);
});

test('a store can not be made on a full disk, and what is left behind does not stop it later', async (ctx) => {
  const folder = testFolder();
  const missing = cannotMount(folder);
  if (missing !== undefined) ctx.skip(missing);
  mount('-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder);
  onTestFinished(() => void run('umount', folder));
  const ballast = join(folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(56 * 1024));
  const file = join(folder, 'store.sqlite');
  await expect(openSqliteStore(file)).rejects.toMatchObject({ name: 'StoreError', reason: 'STORE_FULL' });
  expect(readdirSync(folder)).toEqual(['ballast']);
  rmSync(ballast);
  const store = await openForTest(file);
  const leader = await elect(store);
  await leader.commit(put('a', '1'));
  expect(contents(await store.load())).toEqual(['a=1']);
  await store.close();
});
