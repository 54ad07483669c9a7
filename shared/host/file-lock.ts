/**
 * A lock of the kernel on a file that stays empty (through SQLite), so that it is free the moment its holder dies, however it dies, and
 * no two processes ever take an old lock for a dead one's at the same time. It needs a local file system, and no space on it.
 */
import { DatabaseSync } from 'node:sqlite';

/** SQLite: another process holds the lock. */
const BUSY = 5;

export interface FileLock {
  release(): void;
}

/** Undefined: another process holds it. @throws when the file can't be made or opened */
export function takeFileLock(path: string): FileLock | undefined {
  const lock = new DatabaseSync(path, { timeout: 0 });
  try {
    // Nothing is ever written, so there is nothing to keep a rollback journal for.
    lock.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
    return { release: () => lock.close() };
  } catch (error) {
    lock.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === BUSY) return undefined;
    throw error;
  }
}
