/**
 * Makes a store with its records, whole or not at all: its identity says "unfinished" until every record is there, and no controller opens
 * or leads a store that says so. A restore that was killed is repeated, and begins anew.
 */
import { type Beginning, StoreError, type StoreRecord, type Write } from '../store.ts';
import type { EtcdAddress } from './address.ts';
import { EtcdClient } from './client.ts';
import { EtcdStore, type EtcdStoreOptions } from './etcd-store.ts';
import { etcdStoreError } from './fault.ts';
import { beginIdentity, finishIdentity } from './identity.ts';
import { Keys } from './keys.ts';

/** Rejects with a StoreError. */
export async function createEtcdStore(
  address: EtcdAddress,
  { identity, records }: Beginning,
  options: EtcdStoreOptions = {},
): Promise<void> {
  const client = new EtcdClient(address.endpoints, options);
  const keys = new Keys(address.prefix);
  try {
    const begun = await beginIdentity(client, keys, identity);
    const store = new EtcdStore(client, keys, begun, options);
    try {
      await fill(store, records);
      await finishIdentity(client, keys, begun);
    } finally {
      await store.resign();
    }
  } catch (error) {
    throw etcdStoreError(error);
  } finally {
    client.close();
  }
}

async function fill(store: EtcdStore, records: readonly StoreRecord[]): Promise<void> {
  const { term } = await store.campaign('restore', new AbortController().signal);
  const wanted = new Set(records.map(({ key }) => key));
  // What an earlier try left behind.
  const leftOver = (await store.load()).records.filter(({ key }) => !wanted.has(key));
  const writes: Write[] = [
    ...leftOver.map(({ key }): Write => ({ kind: 'delete', key })),
    ...records.map(({ key, value }): Write => ({ kind: 'put', key, value })),
  ];
  const outcome = await store.commit({ term, number: 1, writes });
  if (outcome.kind === 'committed') return;
  throw new StoreError('STORE_UNAVAILABLE', `The restore stopped: ${outcome.detail}. Repeat it; it begins anew.`);
}
