import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore, SqliteStore } from '../../controller/store/sqlite.ts';
import { openDatabase } from '../../controller/store/sqlite-open.ts';
import { keepsThePromisesOfAStore } from './conformance.ts';
import { FaultyDatabase } from './faulty-sqlite.ts';
import type { StoreWorld } from './store-world.ts';

async function sqliteWorld(): Promise<StoreWorld> {
  let folder = await mkdtemp(join(tmpdir(), 'locum-store-'));
  const folders = [folder];
  const opened: SqliteStore[] = [];
  return {
    open: async () => {
      // What a dead process left is looked at in another place: it has to be adopted there.
      const adoptCopy = folders.length > 1;
      const store = await openSqliteStore(join(folder, 'store.sqlite'), { log: { maxChanges: 64 }, adoptCopy });
      opened.push(store);
      return store;
    },
    openFaulty: async (plan) => {
      const database = await openDatabase(join(folder, 'store.sqlite'));
      const faulty = new FaultyDatabase(database.file, plan);
      const store = new SqliteStore({ ...database, db: faulty.around(database.db) });
      opened.push(store);
      const gone = faulty.gone.then(() => {
        folder = faulty.image ?? folder;
        folders.push(folder);
      });
      return {
        store,
        get passed() {
          return faulty.passed;
        },
        gone,
        arriveLate: async () => {},
      };
    },
    compact: async (commit) => {
      for (let i = 0; i < 64; i += 1) await commit();
    },
    dispose: async () => {
      for (const store of opened) await store.close();
      for (const made of folders) await rm(made, { recursive: true });
    },
  };
}

keepsThePromisesOfAStore({
  name: 'sqlite',
  candidates: 'one',
  faults: ['dies'],
  largeCommit: { records: 12, valueBytes: 20_000 },
  modelRuns: 60,
  missing: async () => undefined,
  createWorld: sqliteWorld,
});
