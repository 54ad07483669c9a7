/**
 * Makes the file of an embedded store, whole or not at all: it is prepared under another name, brought to the disk, and linked to its
 * own name when it is complete. A crash on the way leaves no half-made store. Nothing opens the file by other means than SQLite once it
 * has its name: that would drop the lock of a process that holds it (POSIX).
 */
import { closeSync, fsyncSync, linkSync, lstatSync, openSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { errorCode } from '../../shared/caught-error.ts';
import { firstOfIncarnation } from '../../shared/ids.ts';
import { placeOf } from './sqlite-place.ts';
import { crcOf, createTables } from './sqlite-schema.ts';
import { type Identity, StoreError, type StoreRecord } from './store.ts';

/**
 * Makes the file; does nothing when somebody else made it meanwhile, and says which of both: of two processes that create the same one,
 * one wins. `records`: what is in it from the beginning.
 */
export function createFile(file: string, identity: Identity, records: readonly StoreRecord[] = []): 'made' | 'there' {
  const log = lstatSync(`${file}-wal`, { throwIfNoEntry: false });
  if (log !== undefined) {
    const advice = 'Put the database back beside it, or move that log away to start an empty store.';
    throw new StoreError('NOT_A_STORE', `${file} is gone, but its log ${file}-wal is still there. ${advice}`);
  }
  const draft = `${file}.new-${process.pid}`;
  try {
    // Private from its first byte on, whatever the folder is; the log gets the rights of its file.
    closeSync(openSync(draft, 'wx', 0o600));
    fill(draft, file, identity, records);
    sync(draft);
    linkSync(draft, file);
    sync(dirname(file));
    return 'made';
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    return 'there';
  } finally {
    removeDraft(draft);
  }
}

function fill(draft: string, file: string, identity: Identity, records: readonly StoreRecord[]): void {
  const db = new DatabaseSync(draft, { timeout: 0 });
  try {
    holdAlone(db);
    makeDurable(db);
    // The first leader is given the first term of the incarnation; revisions begin where the records are.
    const head = { term: firstOfIncarnation(identity.incarnation), number: 0, revision: records.length === 0 ? 0 : 1 };
    db.exec('BEGIN EXCLUSIVE');
    const path = join(realpathSync(dirname(file)), basename(file));
    createTables(db, { identity, place: { ...placeOf(draft), path } }, head);
    const put = db.prepare('INSERT INTO records (key, value, crc) VALUES (?, ?, ?)');
    for (const { key, value } of records) put.run(key, value, crcOf(key, value));
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

/** What processes left behind that were killed: a half, or a second name of the whole. A process id that is in use again keeps its file: it is only untidy. */
export function removeOldDrafts(file: string): void {
  const prefix = `${basename(file)}.new-`;
  for (const name of readdirSync(dirname(file))) {
    const [, pid] = name.startsWith(prefix) ? (/^(\d+)(-wal|-journal)?$/.exec(name.slice(prefix.length)) ?? []) : [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(dirname(file), name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function removeDraft(draft: string): void {
  for (const suffix of ['', '-wal', '-journal']) rmSync(draft + suffix, { force: true });
}

function sync(path: string): void {
  const opened = openSync(path, 'r');
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

export function holdAlone(db: DatabaseSync): void {
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
}

/** A commit returns when it is on the disk; the log is cut back to 64 MiB after a burst. */
export function makeDurable(db: DatabaseSync): void {
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864');
}
