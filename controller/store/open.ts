/** From a `--store` setting to an open store. Each kind is loaded only when it is used. */
import type { EtcdAddress } from './etcd/address.ts';
import type { EtcdStoreOptions } from './etcd/etcd-store.ts';
import type { Beginning } from './store.ts';
import { type Store, StoreError } from './store.ts';

export interface OpenStoreOptions {
  /** Take over a store that was copied, moved or restored elsewhere, as its next life. Default: refuse it. */
  readonly adoptCopy?: boolean;
  /** What only an etcd store needs: TLS, login, how long a silent leader keeps the lead, where it is remembered what was seen. */
  readonly etcd?: Omit<EtcdStoreOptions, 'adoptCopy' | 'warn'>;
  /** Told what is not as it should be and yet no reason to stop. Default: nobody. */
  readonly warn?: (warning: string) => void;
}

const FORMS = '"sqlite:PATH", a path, "etcd://HOST,HOST,HOST/PREFIX", or "memory:"';

type Where =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'etcd'; readonly address: EtcdAddress };

/**
 * Opens the store that `spec` names: `memory:` (nothing is kept), `sqlite:PATH`, or a bare path, which is a SQLite file too, or
 * `etcd://host1,host2:2379/prefix`. Rejects with a StoreError; one for an unknown form lists the known ones.
 */
export async function openStore(spec: string, options: OpenStoreOptions = {}): Promise<Store> {
  const where = await whereOf(spec);
  const { adoptCopy = false, warn = () => {} } = options;
  switch (where.kind) {
    case 'memory': {
      const { MemoryStore } = await import('./memory.ts');
      return new MemoryStore();
    }
    case 'sqlite': {
      const { openSqliteStore } = await import('./sqlite.ts');
      return openSqliteStore(where.path, { adoptCopy });
    }
    case 'etcd': {
      const { openEtcdStore } = await import('./etcd/etcd-store.ts');
      return openEtcdStore(where.address, { ...options.etcd, adoptCopy, warn });
    }
  }
}

/**
 * Makes a store where there is none, whole or not at all: whoever opens it, also after a crash on the way, finds all the records, or is
 * told that there is no store. Rejects with a StoreError; NOT_A_STORE when there is one already.
 */
export async function createStore(
  spec: string,
  beginning: Beginning,
  { etcd }: Pick<OpenStoreOptions, 'etcd'> = {},
): Promise<void> {
  const where = await whereOf(spec);
  switch (where.kind) {
    case 'memory':
      throw notAStore(spec, 'a store in memory ends with its process');
    case 'sqlite': {
      const { createDatabase } = await import('./sqlite-open.ts');
      return createDatabase(where.path, beginning.identity, beginning.records);
    }
    case 'etcd': {
      const { createEtcdStore } = await import('./etcd/creation.ts');
      return createEtcdStore(where.address, beginning, etcd);
    }
  }
}

async function whereOf(spec: string): Promise<Where> {
  const [, scheme, rest = spec] = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(spec) ?? [];
  switch (scheme) {
    case 'memory':
      if (rest !== '') throw notAStore(spec, 'a store in memory has no name');
      return { kind: 'memory' };
    case 'sqlite':
    case undefined:
      if (rest === '') throw notAStore(spec, 'the path is missing');
      return { kind: 'sqlite', path: rest };
    case 'etcd': {
      const { parseEtcdAddress } = await import('./etcd/address.ts');
      return { kind: 'etcd', address: parseEtcdAddress(rest) };
    }
    default:
      throw notAStore(spec, `"${scheme}:" is not known`);
  }
}

function notAStore(spec: string, problem: string): StoreError {
  return new StoreError('NOT_A_STORE', `"${spec}" names no store: ${problem}. Use ${FORMS}.`);
}
