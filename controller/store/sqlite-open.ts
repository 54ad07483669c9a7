/**
 * Opens or creates the file of an embedded store. It is opened only when everything about it is right: a file that is empty,
 * foreign, newer, damaged, copied or in use is refused with its reason, and never overwritten.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, lstatSync, type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { firstOfIncarnation, INCARNATION_UNIT } from '../../shared/ids.ts';
import type { Head } from './batch.ts';
import { createFile, holdAlone, makeDurable, removeOldDrafts } from './sqlite-create.ts';
import { sqliteStoreError } from './sqlite-error.ts';
import { checkFolder, type FileIdentity, fileSystemType, placeOf, samePlace } from './sqlite-place.ts';
import {
  APPLICATION_ID,
  checkedRecord,
  crcOfHead,
  readImprint,
  readSqliteHead,
  SQLITE_SCHEMA,
  writeImprint,
} from './sqlite-schema.ts';
import { type Identity, StoreError, type StoreRecord } from './store.ts';

export interface SqliteOpenOptions {
  /** Take over a file that was copied or moved to another machine, as the next incarnation of its store. Default: refuse it. */
  readonly adoptCopy?: boolean;
  /** How to learn the type of the folder's file system (statfs). Default: by asking the system. */
  readonly fileSystemTypeOf?: (folder: string) => Promise<number>;
}

export interface OpenedDatabase {
  readonly db: DatabaseSync;
  /** Absolute. */
  readonly file: string;
  readonly inode: bigint;
  readonly identity: Identity;
  readonly head: Head;
}

export async function openDatabase(path: string, options: SqliteOpenOptions = {}): Promise<OpenedDatabase> {
  const file = resolve(path);
  await checkFolder(file, options.fileSystemTypeOf ?? fileSystemType);
  let place: FileIdentity | undefined;
  try {
    removeOldDrafts(file);
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (found === undefined) createFile(file, { clusterId: randomUUID(), incarnation: 1 });
    else refuseWhatIsNoFile(file, found);
    keepPrivate(file);
    place = placeOf(file);
    return openExisting(file, place, options.adoptCopy ?? false);
  } catch (error) {
    throw sqliteStoreError(file, place?.inode, error);
  }
}

/** What is in it (environments of policies, for one) is nobody else's business, whoever made the file or its folder. */
function keepPrivate(file: string): void {
  for (const name of [file, `${file}-wal`]) {
    const found = statSync(name, { throwIfNoEntry: false });
    if (found?.isFile() && (found.mode & 0o077) !== 0) chmodSync(name, 0o600);
  }
}

/** Makes a file with these records, whole or not at all. Rejects with a StoreError; NOT_A_STORE when something is there already. */
export async function createDatabase(path: string, identity: Identity, records: readonly StoreRecord[]): Promise<void> {
  const file = resolve(path);
  await checkFolder(file, fileSystemType);
  try {
    removeOldDrafts(file);
    const isNew = lstatSync(file, { throwIfNoEntry: false }) === undefined;
    if (!isNew || createFile(file, identity, records) === 'there') {
      throw new StoreError('NOT_A_STORE', `${file} exists already. Restore into a place where there is nothing.`);
    }
  } catch (error) {
    throw sqliteStoreError(file, undefined, error);
  }
}

function refuseWhatIsNoFile(file: string, found: Stats): void {
  if (!found.isFile() && !found.isSymbolicLink()) {
    throw new StoreError('NOT_A_STORE', `${file} is not a file. Give the path of a store, or of a file to create.`);
  }
  // SQLite would take an empty file for a new database, and a store that lost everything would start as if nothing had been.
  if (found.isFile() && found.size === 0) {
    const advice = 'Restore it from a backup; if there was never anything in it, remove it and start again.';
    throw new StoreError('NOT_A_STORE', `${file} is empty. ${advice}`);
  }
}

function openExisting(file: string, place: FileIdentity, adoptCopy: boolean): OpenedDatabase {
  const url = pathToFileURL(file);
  // Never create: a file that disappeared just now is an error, not a new store.
  url.searchParams.set('mode', 'rw');
  const db = new DatabaseSync(url, { timeout: 0 });
  try {
    holdAlone(db);
    // The first read takes the lock. Nothing is written before the file is known to be ours.
    checkKind(db, file);
    makeDurable(db);
    checkContents(db, file);
    const identity = settleIdentity(db, file, place, adoptCopy);
    return { db, file, inode: place.inode, identity, head: readSqliteHead(db, file) };
  } catch (error) {
    db.close();
    throw error;
  }
}

function checkKind(db: DatabaseSync, file: string): void {
  const application = db.prepare('PRAGMA application_id').get()?.['application_id'];
  if (application !== APPLICATION_ID) {
    const advice = 'Give the path of a store, or of a file that does not exist yet.';
    throw new StoreError('NOT_A_STORE', `${file} is a database of another program. ${advice}`);
  }
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > SQLITE_SCHEMA) {
    const known = `it has schema ${version}, this version knows up to ${SQLITE_SCHEMA}`;
    throw new StoreError('NEWER_SCHEMA', `${file} was written by a newer version: ${known}. Start that version.`);
  }
}

function checkContents(db: DatabaseSync, file: string): void {
  const verdict = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (verdict !== 'ok') {
    throw new StoreError('CORRUPT', `${file} is damaged (${String(verdict)}). Restore it from a backup.`);
  }
  for (const row of db.prepare('SELECT key, value, crc FROM records').iterate()) checkedRecord(row, file);
}

/** Refuses a copy, or makes it the next incarnation: all its terms and epochs are then above those of the original. */
function settleIdentity(db: DatabaseSync, file: string, place: FileIdentity, adoptCopy: boolean): Identity {
  const imprint = readImprint(db, file);
  if (samePlace(imprint.place, place)) return imprint.identity;
  if (!adoptCopy) {
    const danger = 'Two controllers on copies of one store would start everything twice.';
    const advice = 'If the original is gone for good, start with --adopt-store.';
    throw new StoreError('COPIED', `${file} is a copy of ${imprint.place.path}, or was moved. ${danger} ${advice}`);
  }
  const incarnation = imprint.identity.incarnation + 1;
  const limit = Number.MAX_SAFE_INTEGER / INCARNATION_UNIT;
  if (incarnation >= limit) {
    throw new StoreError('STORE_UNAVAILABLE', `${file} has had ${incarnation - 1} lives, and no number is left.`);
  }
  const identity = { clusterId: imprint.identity.clusterId, incarnation };
  const { revision } = readSqliteHead(db, file);
  const head = { term: firstOfIncarnation(incarnation), number: 0, revision };
  db.exec('BEGIN IMMEDIATE');
  writeImprint(db, { identity, place });
  db.prepare('UPDATE head SET term = ?, number = ?, crc = ?').run(head.term, head.number, crcOfHead(head));
  db.exec('COMMIT');
  return identity;
}
