import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore, type SqliteStore } from '../../controller/store/sqlite.ts';
import { keepsThePromisesOfAStore } from './conformance.ts';
import type { StoreWorld } from './store-world.ts';

async function sqliteWorld(): Promise<StoreWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'locum-store-'));
  const opened: SqliteStore[] = [];
  return {
    open: async () => {
      const store = await openSqliteStore(join(folder, 'store.sqlite'), { log: { maxChanges: 64 } });
      opened.push(store);
      return store;
    },
    compact: async (commit) => {
      for (let i = 0; i < 64; i += 1) await commit();
    },
    dispose: async () => {
      for (const store of opened) await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

keepsThePromisesOfAStore({
  name: 'sqlite',
  candidates: 'one',
  modelRuns: 60,
  missing: async () => undefined,
  createWorld: sqliteWorld,
});
