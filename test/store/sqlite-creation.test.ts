/** A store that is made with its records, as a restore does it: whole or not at all, and nobody else's to read. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createStore } from '../../controller/store/open.ts';
import { keepFolderPrivate } from '../../controller/store/private-folder.ts';
import type { Beginning } from '../../controller/store/store.ts';
import { makeStore, openForTest, testFolder } from './sqlite-folder.ts';
import { elect, put } from './store-world.ts';

const RECORDS = 4;

const beginningWith = (count: number): Beginning => ({
  identity: { clusterId: 'c-1', incarnation: 2 },
  records: Array.from({ length: count }, (_, n) => ({ key: `n/${n}`, value: Buffer.from(`value ${n}`) })),
});

/** Whether it was killed before that step; false: it had fewer steps and came to its end. */
function killedAt(file: string, step: number): boolean {
  const argv = [join(import.meta.dirname, 'killed-creation.ts'), file, String(step), String(RECORDS)];
  const { status, signal, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  if (signal === 'SIGKILL') return true;
  expect(status, stderr).toBe(0);
  return false;
}

const keysIn = async (file: string): Promise<readonly string[]> => {
  const store = await openForTest(file);
  const { records } = await store.load();
  await store.close();
  return records.map(({ key }) => key);
};

test('killed before each of its steps, there is no store or the whole one, and the next try makes it', async () => {
  const all = beginningWith(RECORDS).records.map(({ key }) => key);
  let without = 0;
  let whole = 0;
  let step = 1;
  for (let killed = true; killed; step += 1) {
    const folder = testFolder();
    const file = join(folder, 'store.sqlite');
    killed = killedAt(file, step);
    if (existsSync(file)) whole += 1;
    else {
      without += 1;
      await createStore(file, beginningWith(RECORDS));
    }
    expect(await keysIn(file), `killed before step ${step}`).toEqual(all);
    expect(readdirSync(folder).filter((name) => name.includes('.new-'))).toEqual([]);
  }
  expect(without).toBeGreaterThan(10);
  expect(whole).toBeGreaterThan(2);
}, 300_000);

test('it is not made over another one, nor over anything else', async () => {
  const file = join(testFolder(), 'store.sqlite');
  await makeStore(file, { a: '1' });
  await expect(createStore(file, beginningWith(1))).rejects.toMatchObject({ reason: 'NOT_A_STORE' });
  expect(await keysIn(file)).toEqual(['a']);
});

test('its files are for its owner alone, also in a folder that everybody can enter, and those of before are made so', async () => {
  const folder = join(testFolder(), 'made-beforehand');
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  const file = join(folder, 'store.sqlite');
  const modes = () => readdirSync(folder).map((name) => (statSync(join(folder, name)).mode & 0o777).toString(8));
  const umask = process.umask(0);
  try {
    const first = await openForTest(file);
    await (await elect(first)).commit(put('a', '1'));
    expect([...new Set(modes())]).toEqual(['600']);
    await first.close();
    chmodSync(file, 0o644);
    const second = await openForTest(file);
    await (await elect(second)).commit(put('b', '1'));
    expect([...new Set(modes())]).toEqual(['600']);
  } finally {
    process.umask(umask);
  }
});

test('a folder that was made beforehand is made private if it is ours, and left as it is if anything else is in it', () => {
  const mode = (folder: string) => (statSync(folder).mode & 0o7777).toString(8);
  const folders = ['empty', 'with-a-store', 'of-others', 'temporary'].map((name) => join(testFolder(), name));
  for (const folder of folders) mkdirSync(folder);
  const [, ours = '', others = '', temporary = ''] = folders;
  for (const folder of folders) chmodSync(folder, folder === temporary ? 0o1777 : 0o755);
  writeFileSync(join(ours, 'store.sqlite'), '');
  writeFileSync(join(others, 'letter.txt'), '');
  for (const folder of folders) keepFolderPrivate(folder, (name) => name.startsWith('store.sqlite'));
  expect(folders.map(mode)).toEqual(['700', '700', '755', '1777']);
});

test('a folder whose files others can replace is told of: one of another user, or one that others write to', (ctx) => {
  const [plain, shared] = ['plain', 'shared'].map((name) => join(testFolder(), name)) as [string, string];
  for (const folder of [plain, shared]) {
    mkdirSync(folder);
    writeFileSync(join(folder, 'letter.txt'), '');
  }
  chmodSync(plain, 0o755);
  chmodSync(shared, 0o777);
  const problemOf = (folder: string) => keepFolderPrivate(folder, (name) => name.startsWith('store.sqlite'));
  expect(problemOf(plain)).toBeUndefined();
  expect(problemOf(shared)).toContain('others can write to it');
  if (process.getuid?.() !== 0) return ctx.skip('only root can make a folder of another user');
  chownSync(plain, 65_534, 65_534);
  expect(problemOf(plain)).toContain('belongs to another user (uid 65534)');
});
