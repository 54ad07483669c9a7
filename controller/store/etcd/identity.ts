/** The identity of a store in etcd: made by the first controller, read by the others, raised when a copy is adopted. */
import { randomUUID } from 'node:crypto';
import { KV } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import { type Identity, StoreError } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { decode, type IdentityValue, identityText, type Keys, parseIdentity } from './keys.ts';
import { readHead, readHeadThen } from './lineage.ts';
import { type Seen, storeBehind, whatWasLost } from './seen.ts';
import { deleteOp, isAbsent, keyRead, putOp, readOp, valueIs } from './term-writer.ts';

/**
 * Reads the identity, or makes one where there is none. Throws a StoreError `COPIED` for another cluster's data, and `STORE_BEHIND` for
 * data that was set back since it was `seen`.
 */
export async function settleIdentity(
  client: EtcdClient,
  keys: Keys,
  adoptCopy: boolean,
  seen?: Seen,
): Promise<IdentityValue> {
  const { found: there, etcdClusterId } = await readIdentity(client, keys);
  const lost = seen === undefined ? undefined : await lostSince(client, keys, seen, there);
  if (there === undefined && lost !== undefined && !adoptCopy) throw storeBehind(lost);
  const found = there ?? (await make(client, keys, { clusterId: randomUUID(), incarnation: 1, etcdClusterId }));
  if (found.unfinished) {
    const advice = 'Repeat the restore; it begins anew.';
    throw new StoreError('NOT_A_STORE', `A restore into this place in etcd was begun and not completed. ${advice}`);
  }
  const isCopy = found.etcdClusterId !== etcdClusterId;
  // Another cluster, or a new one, has nothing in common with what was seen.
  const isBehind = lost !== undefined && found.clusterId === seen?.clusterId;
  if (isCopy && !adoptCopy) {
    const danger = 'Two sets of controllers on copies of one store would start everything twice.';
    const advice = 'If the original is gone for good, start one controller with --adopt-store.';
    throw new StoreError('COPIED', `This store is a copy: it was made in another etcd cluster. ${danger} ${advice}`);
  }
  if (lost !== undefined && !adoptCopy) throw storeBehind(lost);
  if (!isCopy && !isBehind) return found;
  // Above all that was ever seen here, so that no term and no epoch comes a second time.
  const incarnation = Math.max(found.incarnation, isBehind ? (seen?.incarnation ?? 0) : 0) + 1;
  return replace(client, keys, found, { ...found, incarnation, etcdClusterId }, [deleteOp(keys.leader)]);
}

async function lostSince(client: EtcdClient, keys: Keys, seen: Seen, identity: IdentityValue | undefined) {
  const { head, etcdClusterId } = await readHead(client, keys);
  const headThen = await readHeadThen({ client, keys, seen, head });
  return whatWasLost(seen, { identity, etcdClusterId, head, headThen });
}

/**
 * Makes the identity of a store whose records are to come. Takes over from a restore that was begun before: it was killed or, if it lives,
 * finds out and fails. Throws a StoreError `NOT_A_STORE` where there is a store.
 */
export async function beginIdentity(client: EtcdClient, keys: Keys, identity: Identity): Promise<IdentityValue> {
  const { found, etcdClusterId } = await readIdentity(client, keys);
  const wanted: IdentityValue = { ...identity, etcdClusterId, restore: randomUUID(), unfinished: true };
  let made = wanted;
  if (found === undefined) made = await make(client, keys, wanted);
  else if (found.unfinished) made = await replace(client, keys, found, wanted);
  else made = found;
  if (decode(identityText(made)) === decode(identityText(wanted))) return made;
  if (made.unfinished) throw overtaken();
  throw new StoreError('NOT_A_STORE', 'There is a store already. Restore into a place where there is none.');
}

const overtaken = (): StoreError =>
  new StoreError('NOT_A_STORE', 'Another restore into this place was begun after this one, and goes on alone.');

/** Its records are there. Throws a StoreError `NOT_A_STORE` when another restore has taken over: the records may be that one's. */
export async function finishIdentity(client: EtcdClient, keys: Keys, from: IdentityValue): Promise<void> {
  const { clusterId, incarnation, etcdClusterId, restore } = from;
  const finished = { clusterId, incarnation, etcdClusterId, restore };
  const found = await replace(client, keys, from, finished);
  if (decode(identityText(found)) !== decode(identityText(finished))) throw overtaken();
}

export async function readIdentity(client: EtcdClient, keys: Keys) {
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

/** `more`: what is done together with it. Whoever leads an adopted store is deposed, since its term is one of the old incarnation. */
async function replace(
  client: EtcdClient,
  keys: Keys,
  from: IdentityValue,
  to: IdentityValue,
  more: readonly ReturnType<typeof deleteOp>[] = [],
): Promise<IdentityValue> {
  const response = await client.read(KV.method.txn, {
    compare: [valueIs(keys.identity, identityText(from))],
    success: [putOp(keys.identity, identityText(to)), ...more],
    failure: [readOp(keys.identity)],
  });
  const value = keyRead(response, 0)?.value;
  // Done already, by another controller that was started with the same flag, or by a try whose answer was lost.
  return value === undefined ? to : parseIdentity(value);
}
