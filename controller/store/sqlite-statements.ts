/** What a store in SQLite asks of its file, prepared once. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';

export interface Statements {
  readonly begin: StatementSync;
  readonly commit: StatementSync;
  readonly put: StatementSync;
  readonly delete: StatementSync;
  readonly head: StatementSync;
  readonly all: StatementSync;
}

export function prepareStatements(db: DatabaseSync): Statements {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    put: db.prepare(
      'INSERT INTO records (key, value, crc) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, crc = excluded.crc',
    ),
    delete: db.prepare('DELETE FROM records WHERE key = ?'),
    head: db.prepare('UPDATE head SET term = ?, number = ?, revision = ?, crc = ? WHERE term = ? AND number = ?'),
    all: db.prepare('SELECT key, value, crc FROM records ORDER BY key'),
  };
}
