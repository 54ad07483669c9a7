/** Files that are not what a store left behind: each is refused with its reason, and left as it was. */
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openSqliteStore } from '../../controller/store/sqlite.ts';
import type { StoreErrorReason } from '../../controller/store/store.ts';
import { makeStore, openForTest, overwrite, testFolder } from './sqlite-folder.ts';
import { contents, elect, put } from './store-world.ts';

const PAGE_BYTES = 4096;

/** Why opening is refused. It is tried twice: a refusal must not change what it refuses. */
async function refusal(file: string): Promise<unknown> {
  const attempt = () =>
    openSqliteStore(file).then(
      (store) => store.close().then(() => 'not refused'),
      (error: unknown) => error,
    );
  const [first, second] = [await attempt(), await attempt()];
  expect(second).toEqual(first);
  return first;
}

const because = (reason: StoreErrorReason, file: string, saying: RegExp): object => {
  const message = expect.stringMatching(new RegExp(`${file.replaceAll('.', '\\.')}.*${saying.source}`));
  return { name: 'StoreError', reason, message };
};

/** A closed store of several pages; the value of `k/42` is findable in its bytes. */
async function filledStore(): Promise<string> {
  const file = join(testFolder(), 'store.sqlite');
  const records = Array.from({ length: 200 }, (_, i) => [`k/${i}`, `value ${i} ${'x'.repeat(200)}`]);
  await makeStore(file, Object.fromEntries(records));
  return file;
}

test('an empty file is refused, not taken for a new store', async () => {
  const file = join(testFolder(), 'store.sqlite');
  writeFileSync(file, '');
  expect(await refusal(file)).toMatchObject(because('NOT_A_STORE', file, /is empty/));
  expect(statSync(file).size).toBe(0);
});

test('a file that is no database is refused and left as it was', async () => {
  const file = join(testFolder(), 'store.sqlite');
  const text = 'these are my notes\n'.repeat(1000);
  writeFileSync(file, text);
  expect(await refusal(file)).toMatchObject(because('NOT_A_STORE', file, /is no database/));
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('the database of another program is refused and left as it was', async () => {
  const file = join(testFolder(), 'other.sqlite');
  const other = new DatabaseSync(file);
  other.exec('CREATE TABLE accounts (name TEXT)');
  other.close();
  const before = readFileSync(file);
  expect(await refusal(file)).toMatchObject(because('NOT_A_STORE', file, /of another program/));
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a folder and a device are no stores', async () => {
  const folder = testFolder();
  mkdirSync(join(folder, 'store.sqlite'));
  expect(await refusal(join(folder, 'store.sqlite'))).toMatchObject(
    because('NOT_A_STORE', join(folder, 'store.sqlite'), /is not a file/),
  );
  await expect(openSqliteStore('/dev/null')).rejects.toMatchObject({ reason: 'NOT_A_STORE' });
});

test('a file cut short is refused', async () => {
  const file = await filledStore();
  truncateSync(file, 3 * PAGE_BYTES);
  expect(await refusal(file)).toMatchObject(because('CORRUPT', file, /is damaged.*backup/));
});

test('a file cut inside its first page is refused', async () => {
  const file = await filledStore();
  truncateSync(file, 200);
  await expect(openSqliteStore(file)).rejects.toMatchObject({ name: 'StoreError' });
});

test('an overwritten page is found at opening', async () => {
  const file = await filledStore();
  const pages = statSync(file).size / PAGE_BYTES;
  expect(pages).toBeGreaterThan(8);
  overwrite(file, (pages - 3) * PAGE_BYTES, Buffer.alloc(PAGE_BYTES, 0xa5));
  expect(await refusal(file)).toMatchObject(because('CORRUPT', file, /is damaged/));
});

test('an overwritten first page is refused', async () => {
  const file = await filledStore();
  overwrite(file, 0, Buffer.alloc(PAGE_BYTES, 0));
  await expect(openSqliteStore(file)).rejects.toMatchObject({ name: 'StoreError', reason: 'NOT_A_STORE' });
});

test('one flipped bit in a value is found at opening, and the key is named', async () => {
  const file = await filledStore();
  const at = readFileSync(file).indexOf('value 42 ');
  overwrite(file, at, Buffer.from('w'));
  expect(await refusal(file)).toMatchObject(because('CORRUPT', file, /checksum of the record "k\/42"/));
});

test('one flipped bit in what the store says about itself is found at opening', async () => {
  const file = await filledStore();
  const db = new DatabaseSync(file);
  db.exec("UPDATE meta SET value = '7' WHERE key = 'incarnation'");
  db.close();
  expect(await refusal(file)).toMatchObject(because('CORRUPT', file, /"incarnation"/));
});

test('a term that was tampered with is found at opening', async () => {
  const file = await filledStore();
  const db = new DatabaseSync(file);
  db.exec('UPDATE head SET term = term - 1');
  db.close();
  expect(await refusal(file)).toMatchObject(because('CORRUPT', file, /head/));
});

test('the file of a newer version is refused and left as it was', async () => {
  const file = await filledStore();
  const db = new DatabaseSync(file);
  db.exec('PRAGMA user_version = 99');
  db.close();
  expect(await refusal(file)).toMatchObject(because('NEWER_SCHEMA', file, /schema 99.*Start that version/));
});

test('a copy is refused; adopted, it is the next life of its store, with terms above all before', async () => {
  const file = await filledStore();
  const copy = `${file}.copy`;
  copyFileSync(file, copy);
  expect(await refusal(copy)).toMatchObject(because('COPIED', copy, /is a copy of .*store\.sqlite,.*--adopt-store/));

  const original = await openForTest(file);
  const adopted = await openForTest(copy, { adoptCopy: true });
  const [before, after] = [await original.identity(), await adopted.identity()];
  expect(after).toEqual({ clusterId: before.clusterId, incarnation: before.incarnation + 1 });
  expect((await elect(adopted)).term).toBeGreaterThan((await elect(original)).term + 2 ** 39);
  expect(contents(await adopted.load())).toHaveLength(200);
  await adopted.close();
  // Adopted once, it is a store like any other; asking again changes nothing.
  expect(await (await openForTest(copy)).identity()).toEqual(after);
});

test('adopting what is no copy changes nothing', async () => {
  const file = await filledStore();
  const store = await openForTest(file, { adoptCopy: true });
  expect((await store.identity()).incarnation).toBe(1);
});

test('a file put back by removing and copying is a copy, even under its old name', async () => {
  const file = await filledStore();
  copyFileSync(file, `${file}.backup`);
  rmSync(file);
  copyFileSync(`${file}.backup`, file);
  expect(await refusal(file)).toMatchObject(because('COPIED', file, /is a copy/));
});

test('a moved file counts as a copy: its newest commits may be in a log that was left behind', async () => {
  const file = await filledStore();
  renameSync(file, `${file}.moved`);
  expect(await refusal(`${file}.moved`)).toMatchObject(because('COPIED', `${file}.moved`, /or was moved/));
  renameSync(`${file}.moved`, file);
  expect(contents(await (await openForTest(file)).load())).toHaveLength(200);
});

test('a store reached by a symbolic link is the same store', async () => {
  const file = await filledStore();
  symlinkSync(dirname(file), `${file}.folder`);
  const store = await openForTest(join(`${file}.folder`, 'store.sqlite'));
  expect((await store.identity()).incarnation).toBe(1);
});

test('a log without its database is not taken for a new store', async () => {
  const file = join(testFolder(), 'store.sqlite');
  writeFileSync(`${file}-wal`, 'the last commits');
  expect(await refusal(file)).toMatchObject(because('NOT_A_STORE', file, /is gone, but its log/));
});

test('a store leaves one file behind, and no drafts', async () => {
  const file = join(testFolder(), 'store.sqlite');
  await makeStore(file, { a: '1' });
  expect(statSync(file).nlink).toBe(1);
  expect(readdirSync(join(file, '..'))).toEqual(['store.sqlite']);
});

test('a leader whose file is replaced under it stops at once', async () => {
  const file = join(testFolder(), 'store.sqlite');
  const leader = await elect(await openForTest(file));
  await leader.commit(put('a', '1'));
  renameSync(file, `${file}.moved`);
  expect(await leader.store.verifyTerm(leader.term)).toBe(false);
  expect(leader.lost.reason).toMatchObject({ message: expect.stringContaining('was moved or replaced') });
  expect(await leader.send(put('a', '2'))).toMatchObject({ kind: 'deposed' });
  await leader.store.close();
  renameSync(`${file}.moved`, file);
  expect(contents(await (await openForTest(file)).load())).toEqual(['a=1']);
});
