/** A folder for the files of one SQLite test, and children that do things to them. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openSqliteStore, type SqliteStore, type SqliteStoreOptions } from '../../controller/store/sqlite.ts';
import { elect, put } from './store-world.ts';

/** A new folder that goes when the test ends. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'locum-store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens a store that is closed when the test ends. */
export async function openForTest(file: string, options?: SqliteStoreOptions): Promise<SqliteStore> {
  const store = await openSqliteStore(file, options);
  onTestFinished(() => store.close());
  return store;
}

/** Makes a store with these records, one commit each, and closes it. */
export async function makeStore(file: string, records: Readonly<Record<string, string>>): Promise<void> {
  const store = await openSqliteStore(file);
  const leader = await elect(store);
  for (const [key, value] of Object.entries(records)) await leader.commit(put(key, value));
  await store.close();
}

/** Overwrites bytes in place. Only for a file that no store of this process has open: closing it here would drop the lock. */
export function overwrite(file: string, offset: number, content: Uint8Array): void {
  const opened = openSync(file, 'r+');
  try {
    writeSync(opened, content, 0, content.byteLength, offset);
  } finally {
    closeSync(opened);
  }
}

/** Runs a command as root would by hand, and gives its error output if it fails. */
export function run(command: string, ...args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? undefined : `${command}: ${error?.message ?? stderr.trim()}`;
}

/** Why this process can't mount file systems; undefined when it can. */
export function cannotMount(folder: string): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting a small file system needs root';
  const failed = run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder);
  if (failed !== undefined) return `mounting is not allowed here (${failed})`;
  run('umount', folder);
  return undefined;
}
