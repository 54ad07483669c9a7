/** From a `--store` setting to an open store. Each kind is loaded only when it is used. */
import type { EtcdStoreOptions } from './etcd/etcd-store.ts';
import { type Identity, type Store, StoreError } from './store.ts';

export interface OpenStoreOptions {
  /** Take over a store that was copied, moved or restored elsewhere, as its next life. Default: refuse it. */
  readonly adoptCopy?: boolean;
  /** Identity of a store that is created, for a restore. Default: a new one. Of no use where a store exists. */
  readonly createAs?: Identity;
  /** What only an etcd store needs: TLS, login, how long a silent leader keeps the lead. */
  readonly etcd?: Omit<EtcdStoreOptions, 'adoptCopy' | 'warn' | 'createAs'>;
  /** Told what is not as it should be and yet no reason to stop. Default: nobody. */
  readonly warn?: (warning: string) => void;
}

const FORMS = '"sqlite:PATH", a path, "etcd://HOST,HOST,HOST/PREFIX", or "memory:"';

/**
 * Opens the store that `spec` names: `memory:` (nothing is kept), `sqlite:PATH`, or a bare path, which is a SQLite file too, or
 * `etcd://host1,host2:2379/prefix`. Rejects with a StoreError; one for an unknown form lists the known ones.
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
      const { adoptCopy = false, createAs } = options;
      return openSqliteStore(rest, { adoptCopy, ...(createAs === undefined ? {} : { createAs }) });
    }
    case 'etcd': {
      const { parseEtcdAddress } = await import('./etcd/address.ts');
      const address = parseEtcdAddress(rest);
      const { openEtcdStore } = await import('./etcd/etcd-store.ts');
      const { adoptCopy = false, warn = () => {}, createAs } = options;
      return openEtcdStore(address, {
        ...options.etcd,
        adoptCopy,
        warn,
        ...(createAs === undefined ? {} : { createAs }),
      });
    }
    default:
      throw notAStore(spec, `"${scheme}:" is not known`);
  }
}

function notAStore(spec: string, problem: string): StoreError {
  return new StoreError('NOT_A_STORE', `"${spec}" names no store: ${problem}. Use ${FORMS}.`);
}
