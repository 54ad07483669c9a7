/**
 * The folder that makes a keeper itself: whoever holds its lock is the keeper of everything in it.
 *
 * The lock is one of the kernel (through SQLite, on a file that stays empty), so that it is free the moment its holder dies,
 * however it dies, and no two keepers ever take an old lock for a dead one's at the same time. It needs a local file system.
 */
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { processEntry } from '../shared/host/process-table.ts';
import { KEEPER_PID_FILE, keyOf, ownerOf } from '../shared/keeper/state-key.ts';

/** SQLite: another process holds the lock. */
const BUSY = 5;

export interface StateDirectory {
  readonly path: string;
  /**
   * Names this folder in cgroups and environments: 16 hex digits. A copy of the folder has another one, so a keeper of a copy
   * never takes the original's processes for its leftovers.
   */
  readonly key: string;
  release(): void;
}

/** Another keeper is at work in the state directory. */
export class KeeperRunningError extends Error {
  override readonly name = 'KeeperRunningError';
}

/** Makes the folder private and takes its lock. Throws KeeperRunningError when another keeper has it. */
export async function claimStateDirectory(directory: string): Promise<StateDirectory> {
  const path = resolve(directory);
  await mkdir(path, { recursive: true, mode: 0o700 });
  // Whoever can enter can connect to the socket and run programs as this user.
  if (((await stat(path)).mode & 0o077) !== 0) await chmod(path, 0o700);
  const lock = await takeLock(path);
  const startTicks = (await processEntry(process.pid))?.startTicks ?? 0;
  await writeFile(join(path, KEEPER_PID_FILE), `${process.pid} ${startTicks}\n`, { mode: 0o600 });
  return { path, key: await keyOf(path), release: () => lock.close() };
}

async function takeLock(path: string): Promise<DatabaseSync> {
  const lock = new DatabaseSync(join(path, 'keeper.lock'), { timeout: 0 });
  try {
    // Nothing is ever written, so there is nothing to keep a rollback journal for.
    lock.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (!(error instanceof Error) || !('errcode' in error) || error.errcode !== BUSY) throw error;
    const owner = await ownerOf(path);
    throw new KeeperRunningError(
      `a keeper is at work in ${path} already (process ${owner?.pid ?? 'unknown'}): a state directory has only one`,
      { cause: error },
    );
  }
}
