/**
 * The tables of the embedded store and the checksums over their rows.
 *
 * SQLite notices damaged pages, not a flipped bit inside a value, so each row carries a CRC-32 over its key and its value.
 */
import type { DatabaseSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import type { Head } from './batch.ts';
import type { FileIdentity } from './sqlite-place.ts';
import { type Identity, StoreError } from './store.ts';

/** "Locu" in ASCII: says whose file this is (`PRAGMA application_id`, and `file` on a shell). */
export const APPLICATION_ID = 0x4c6f6375;

/** Raised with every change that an older version could misread (`PRAGMA user_version`). */
export const SQLITE_SCHEMA = 1;

const TABLES = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE records (key TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    term INTEGER NOT NULL,
    number INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    crc INTEGER NOT NULL
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SQLITE_SCHEMA};
`;

/** What the file says about itself: whose it is, and where it was when that was written. */
export interface Imprint {
  readonly identity: Identity;
  readonly place: FileIdentity;
}

export const crcOf = (key: string, value: Uint8Array | string): number => crc32(value, crc32(key));

export const crcOfHead = ({ term, number, revision }: Head): number => crc32(`${term} ${number} ${revision}`);

/** Inside the caller's transaction. */
export function createTables(db: DatabaseSync, imprint: Imprint, head: Head): void {
  db.exec(TABLES);
  writeImprint(db, imprint);
  db.prepare('INSERT INTO head (id, term, number, revision, crc) VALUES (1, ?, ?, ?, ?)').run(
    head.term,
    head.number,
    head.revision,
    crcOfHead(head),
  );
}

export function writeImprint(db: DatabaseSync, { identity, place }: Imprint): void {
  const put = db.prepare('INSERT OR REPLACE INTO meta (key, value, crc) VALUES (?, ?, ?)');
  const rows = {
    cluster_id: identity.clusterId,
    incarnation: String(identity.incarnation),
    path: place.path,
    machine_id: place.machineId,
    inode: String(place.inode),
    born_ns: String(place.bornNs),
  };
  for (const [key, value] of Object.entries(rows)) put.run(key, value, crcOf(key, value));
}

export function readImprint(db: DatabaseSync, file: string): Imprint {
  const rows = new Map<string, string>();
  for (const { key, value, crc } of db.prepare('SELECT key, value, crc FROM meta').iterate()) {
    if (typeof key !== 'string' || typeof value !== 'string' || crcOf(key, value) !== crc) {
      throw damaged(file, `the entry "${String(key)}" about the store itself`);
    }
    rows.set(key, value);
  }
  const text = (key: string): string => {
    const value = rows.get(key);
    if (value === undefined) throw damaged(file, `the entry "${key}" about the store itself`);
    return value;
  };
  return {
    identity: { clusterId: text('cluster_id'), incarnation: Number(text('incarnation')) },
    place: {
      path: text('path'),
      machineId: text('machine_id'),
      inode: BigInt(text('inode')),
      bornNs: BigInt(text('born_ns')),
    },
  };
}

export function readSqliteHead(db: DatabaseSync, file: string): Head {
  const row = db.prepare('SELECT term, number, revision, crc FROM head').get();
  const head = { term: Number(row?.['term']), number: Number(row?.['number']), revision: Number(row?.['revision']) };
  if (row === undefined || row['crc'] !== crcOfHead(head)) throw damaged(file, 'its head (term, commit, revision)');
  return head;
}

/** Checks a row of `records` as it was read and returns its parts. */
export function checkedRecord(row: Record<string, unknown>, file: string): { key: string; value: Uint8Array } {
  const { key, value, crc } = row;
  if (typeof key !== 'string' || !(value instanceof Uint8Array) || crcOf(key, value) !== crc) {
    throw damaged(file, `the record "${String(key)}"`);
  }
  return { key, value };
}

function damaged(file: string, what: string): StoreError {
  return new StoreError('CORRUPT', `${file} is damaged: the checksum of ${what} is wrong. Restore it from a backup.`);
}
