/**
 * How a candidate becomes the leader: it puts the leader key, under its lease, in a transaction that holds only while there is no
 * such key. The key's create revision makes the term: it is greater than that of every leader before, and comparing it is how
 * each commit finds out whether its term still stands.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KV, Lease as LeaseService } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import { Event_EventType } from '../../../shared/gen/mvccpb/kv_pb.ts';
import { firstOfIncarnation, INCARNATION_UNIT } from '../../../shared/ids.ts';
import { type CommitOutcome, StoreError } from '../store.ts';
import { ELECTION_TRY_MS, type EtcdClient, type ReadOptions } from './client.ts';
import { EtcdFault } from './fault.ts';
import { decode, encode, type IdentityValue, identityText, isStaged, type Keys } from './keys.ts';
import { Lease } from './lease.ts';
import { readStaged, unfold } from './staged.ts';
import {
  deleteOp,
  deleteRangeOp,
  isAbsent,
  keyRead,
  ledSince,
  putOp,
  readOp,
  TermWriter,
  valueIs,
} from './term-writer.ts';
import { watchRange } from './watch-range.ts';

export interface Election {
  readonly client: EtcdClient;
  readonly keys: Keys;
  readonly identity: IdentityValue;
  readonly candidate: string;
  readonly ttlMs: number;
  readonly signal: AbortSignal;
  /** Told once in an election that etcd is out of space: nobody can be elected until it has some. */
  readonly warn: (detail: string) => void;
  /** Rejects when the store is not what it was: nobody should lead it then. */
  readonly confirm: (options: ReadOptions) => Promise<void>;
}

export interface Victory {
  readonly createRevision: bigint;
  readonly term: number;
  readonly lease: Lease;
}

export function termOf(incarnation: number, createRevision: bigint): number {
  if (createRevision >= INCARNATION_UNIT) {
    throw new StoreError('STORE_UNAVAILABLE', `etcd is at revision ${createRevision}: no term is left for it.`);
  }
  return firstOfIncarnation(incarnation) + Number(createRevision);
}

/** How long a candidate waits for somebody to make space in etcd before it tries again. */
const FULL_PAUSE_MS = 500;

/** Waits until this candidate leads. Rejects with the signal's reason, or an error that more waiting won't mend. */
export async function winElection(election: Election): Promise<Victory> {
  const { signal, warn } = election;
  let told = false;
  for (;;) {
    try {
      const victory = await tryElection(election);
      if (victory !== undefined) return victory;
    } catch (error) {
      // An etcd without space grants no leases and takes no keys. A candidate that gave up would be missed when it has some again.
      if (!(error instanceof EtcdFault) || error.kind !== 'full') throw error;
      if (!told) warn(error.message);
      told = true;
      await sleep(FULL_PAUSE_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}

/** Undefined: the lease was lost, or somebody ended the leadership before it began. */
async function tryElection(election: Election): Promise<Victory | undefined> {
  const { client, identity, signal } = election;
  signal.throwIfAborted();
  const lease = await Lease.grant(client, election.ttlMs, signal);
  const stop = AbortSignal.any([signal, lease.lost]);
  try {
    const createRevision = await takeLead(election, lease, stop);
    // Now that nobody else writes, and before anything is written.
    await election.confirm({ signal: stop, withinMs: Infinity, firstTryMs: ELECTION_TRY_MS });
    const term = termOf(identity.incarnation, createRevision);
    await beginTerm(election, { createRevision, term, lease }, stop);
    return { createRevision, term, lease };
  } catch (error) {
    // Asked while it is still alive: revoking is what takes back a leadership that was just won.
    const leaseLost = lease.lost.aborted;
    await lease.revoke();
    signal.throwIfAborted();
    if (!leaseLost && !(error instanceof Overtaken)) throw error;
    return undefined;
  }
}

/** Somebody ended the new leadership before it began. */
class Overtaken extends Error {}

async function takeLead(election: Election, lease: Lease, stop: AbortSignal): Promise<bigint> {
  const { client, keys, identity, candidate } = election;
  const name = encode(candidate);
  /** Whether the last leader handed over to this candidate. */
  let chosen = false;
  for (;;) {
    const response = await client.read(
      KV.method.txn,
      {
        // The identity is compared too: a store that was restored meanwhile has another incarnation.
        compare: [
          ledSince(keys, 0n),
          valueIs(keys.identity, identityText(identity)),
          chosen ? valueIs(keys.handover, name) : isAbsent(keys.handover),
        ],
        success: [putOp(keys.leader, name, lease.id), deleteOp(keys.handover)],
        failure: [readOp(keys.leader), readOp(keys.identity), readOp(keys.handover)],
      },
      { signal: stop, withinMs: Infinity, firstTryMs: ELECTION_TRY_MS },
    );
    const revision = response.header?.revision ?? 0n;
    if (response.succeeded) return revision;
    const leader = keyRead(response, 0);
    // A try whose answer was lost had succeeded.
    if (leader?.lease === lease.id) return leader.createRevision;
    if (leader === undefined) {
      const found = keyRead(response, 1)?.value;
      if (found === undefined || decode(found) !== decode(identityText(identity))) throw changedIdentity();
    }
    const handover = keyRead(response, 2);
    chosen = handover !== undefined && decode(handover.value) === candidate;
    if (leader !== undefined) await keyEnds(client, keys.leader, revision, stop);
    // Somebody else is meant to lead, and has until this key ends.
    else if (handover !== undefined && !chosen) await keyEnds(client, keys.handover, revision, stop);
  }
}

/** How long only the chosen one may take the lead that was handed over to it; etcd has a floor of its own. */
const HANDOVER_S = 2n;

/** Says who is to lead next, while this leader still does. Without an answer anybody may. */
export async function nameSuccessor(
  client: EtcdClient,
  keys: Keys,
  createRevision: bigint,
  successor: string,
): Promise<void> {
  const { id } = await client.read(LeaseService.method.leaseGrant, { ttl: HANDOVER_S }, { withinMs: 1_000 });
  const success = [putOp(keys.handover, encode(successor), id)];
  await client.read(KV.method.txn, { compare: [ledSince(keys, createRevision)], success }, { withinMs: 1_000 });
}

async function keyEnds(
  client: EtcdClient,
  key: Uint8Array<ArrayBuffer>,
  revision: bigint,
  stop: AbortSignal,
): Promise<void> {
  const watching = watchRange(client, { key, rangeEnd: encode('') }, revision + 1n, stop);
  try {
    for await (const events of watching) {
      if (events.some((event) => event.type === Event_EventType.DELETE)) return;
    }
  } catch (error) {
    // Compacted: the key may have gone meanwhile. Trying to take it tells.
    if (!(error instanceof StoreError) || error.reason !== 'COMPACTED') throw error;
  }
  stop.throwIfAborted();
}

/**
 * Takes over where the last leader left the store: what it staged and made a commit is unfolded, what it staged for one that was never
 * made is swept, and the head is set to this term's beginning.
 */
async function beginTerm(
  election: Election,
  { createRevision, term, lease }: Victory,
  stop: AbortSignal,
): Promise<void> {
  const { client, keys } = election;
  const options = { signal: stop, withinMs: Infinity, firstTryMs: ELECTION_TRY_MS };
  const { kvs } = await client.read(KV.method.range, { key: keys.head }, options);
  const over = new AbortController();
  const writer = new TermWriter({
    client,
    keys,
    term,
    createRevision,
    lease: lease.id,
    head: kvs[0]?.value,
    over: AbortSignal.any([stop, over.signal]),
    lose: (reason) => over.abort(new Error(reason)),
    firstTryMs: ELECTION_TRY_MS,
  });
  const { head } = writer;
  if (isStaged(head)) {
    // As it is now: nobody but this leader can change it any more.
    const writes = await readStaged(client, keys, head, 0n);
    refuseUnlessDone(await unfold(writer, keys, head, writes));
  }
  refuseUnlessDone(await writer.write([deleteRangeOp(keys.staged)], { term, number: 0, form: 'whole' }));
}

/** @throws EtcdFault when etcd refused; Overtaken when the leadership ended before it began */
function refuseUnlessDone(outcome: CommitOutcome): void {
  if (outcome.kind === 'committed') return;
  if (outcome.kind === 'refused') throw new EtcdFault('refused', outcome.detail);
  if (outcome.kind !== 'failed') throw new Overtaken();
  throw new EtcdFault(outcome.reason === 'STORE_FULL' ? 'full' : 'refused', outcome.detail);
}

/** Ends a leadership whoever holds it, if it is still that one. */
export async function endLead(
  client: EtcdClient,
  keys: Keys,
  createRevision: bigint,
  signal?: AbortSignal,
): Promise<void> {
  const request = { compare: [ledSince(keys, createRevision)], success: [deleteOp(keys.leader)] };
  try {
    await client.read(KV.method.txn, request, {
      firstTryMs: ELECTION_TRY_MS,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (!(error instanceof EtcdFault)) throw error;
    throw new StoreError('STORE_UNAVAILABLE', error.message, { cause: error });
  }
}

function changedIdentity(): StoreError {
  const detail = 'was restored or adopted by somebody else meanwhile';
  return new StoreError('STORE_UNAVAILABLE', `The store in etcd ${detail}. Start this again.`);
}
