/** The identity of a store in etcd: made by the first controller, read by the others, raised when a copy is adopted. */
import { randomUUID } from 'node:crypto';
import { KV } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import { type Identity, StoreError } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { decode, type IdentityValue, identityText, type Keys, parseIdentity } from './keys.ts';
import { isAbsent, keyRead, putOp, readOp, valueIs } from './term-writer.ts';

/** Reads the identity, or makes one where there is none. Throws a StoreError `COPIED` for another cluster's data. */
export async function settleIdentity(client: EtcdClient, keys: Keys, adoptCopy: boolean): Promise<IdentityValue> {
  const { found: there, etcdClusterId } = await readIdentity(client, keys);
  const found = there ?? (await make(client, keys, { clusterId: randomUUID(), incarnation: 1, etcdClusterId }));
  if (found.unfinished) {
    const advice = 'Repeat the restore; it begins anew.';
    throw new StoreError('NOT_A_STORE', `A restore into this place in etcd was begun and not completed. ${advice}`);
  }
  if (found.etcdClusterId === etcdClusterId) return found;
  if (!adoptCopy) {
    const danger = 'Two sets of controllers on copies of one store would start everything twice.';
    const advice = 'If the original is gone for good, start one controller with --adopt-store.';
    throw new StoreError('COPIED', `This store is a copy: it was made in another etcd cluster. ${danger} ${advice}`);
  }
  return replace(client, keys, found, { ...found, incarnation: found.incarnation + 1, etcdClusterId });
}

/** Makes the identity of a store whose records are to come. Throws a StoreError `NOT_A_STORE` where there is a store. */
export async function beginIdentity(client: EtcdClient, keys: Keys, identity: Identity): Promise<IdentityValue> {
  const { found, etcdClusterId } = await readIdentity(client, keys);
  const wanted: IdentityValue = { ...identity, etcdClusterId, unfinished: true };
  let made = wanted;
  if (found === undefined) made = await make(client, keys, wanted);
  else if (found.unfinished) made = await replace(client, keys, found, wanted);
  else made = found;
  if (decode(identityText(made)) === decode(identityText(wanted))) return made;
  throw new StoreError('NOT_A_STORE', 'There is a store already. Restore into a place where there is none.');
}

/** Its records are there. */
export async function finishIdentity(client: EtcdClient, keys: Keys, from: IdentityValue): Promise<void> {
  const { clusterId, incarnation, etcdClusterId } = from;
  await replace(client, keys, from, { clusterId, incarnation, etcdClusterId });
}

async function readIdentity(client: EtcdClient, keys: Keys) {
  const { header, kvs } = await client.read(KV.method.range, { key: keys.identity });
  const value = kvs[0]?.value;
  const etcdClusterId = String(header?.clusterId ?? 0n);
  return { found: value === undefined ? undefined : parseIdentity(value), etcdClusterId };
}

/** Of several controllers that start at once, one makes the identity and all take it. */
async function make(client: EtcdClient, keys: Keys, identity: IdentityValue): Promise<IdentityValue> {
  const response = await client.read(KV.method.txn, {
    compare: [isAbsent(keys.identity)],
    success: [putOp(keys.identity, identityText(identity))],
    failure: [readOp(keys.identity)],
  });
  const value = keyRead(response, 0)?.value;
  return value === undefined ? identity : parseIdentity(value);
}

async function replace(client: EtcdClient, keys: Keys, from: IdentityValue, to: IdentityValue): Promise<IdentityValue> {
  const response = await client.read(KV.method.txn, {
    compare: [valueIs(keys.identity, identityText(from))],
    success: [putOp(keys.identity, identityText(to))],
    failure: [readOp(keys.identity)],
  });
  const value = keyRead(response, 0)?.value;
  // Done already, by another controller that was started with the same flag, or by a try whose answer was lost.
  return value === undefined ? to : parseIdentity(value);
}
