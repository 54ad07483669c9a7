/** From a `--store` setting to an open store. Each kind is loaded only when it is used. */
import { type Store, StoreError } from './store.ts';

export interface OpenStoreOptions {
  /** Take over a SQLite file that was copied or moved to another machine. Default: refuse it. */
  readonly adoptCopy?: boolean;
}

const FORMS = '"sqlite:PATH", a path, or "memory:"';

/**
 * Opens the store that `spec` names: `memory:` (nothing is kept), `sqlite:PATH`, or a bare path, which is a SQLite file too.
 * Rejects with a StoreError; one for an unknown form lists the known ones.
 */
export async function openStore(spec: string, options: OpenStoreOptions = {}): Promise<Store> {
  const [, scheme, rest = spec] = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(spec) ?? [];
  switch (scheme) {
    case 'memory': {
      if (rest !== '') throw notAStore(spec, 'a store in memory has no name');
      const { MemoryStore } = await import('./memory.ts');
      return new MemoryStore();
    }
    case 'sqlite':
    case undefined: {
      if (rest === '') throw notAStore(spec, 'the path is missing');
      const { openSqliteStore } = await import('./sqlite.ts');
      return openSqliteStore(rest, options);
    }
    default:
      throw notAStore(spec, `"${scheme}:" is not known`);
  }
}

function notAStore(spec: string, problem: string): StoreError {
  return new StoreError('NOT_A_STORE', `"${spec}" names no store: ${problem}. Use ${FORMS}.`);
}
