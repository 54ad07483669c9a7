/** The store of replicated controllers: records, leadership and commits in an etcd cluster, below one prefix. */
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../../shared/assert.ts';
import { messageOf } from '../../../shared/caught-error.ts';
import { KV } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import { Event_EventType } from '../../../shared/gen/mvccpb/kv_pb.ts';
import { firstOfIncarnation, incarnationOf } from '../../../shared/ids.ts';
import {
  type Batch,
  type Change,
  type CommitOutcome,
  type Identity,
  type LeaderSeen,
  type Member,
  type Snapshot,
  type Store,
  StoreError,
  type WonTerm,
} from '../store.ts';
import type { EtcdAddress } from './address.ts';
import { commitsOf } from './changes.ts';
import { type EtcdAccess, EtcdClient, type ReadOptions } from './client.ts';
import { CommitQueue } from './commit-queue.ts';
import { endLead, nameSuccessor, type Victory, winElection } from './election.ts';
import { etcdStoreError } from './fault.ts';
import { readIdentity, settleIdentity } from './identity.ts';
import { encode, headText, type IdentityValue, Keys, parseHead } from './keys.ts';
import { type LeaderKey, readLeader, watchLeader } from './leader-watch.ts';
import { headIn, Lineage } from './lineage.ts';
import { Presence, readMembers } from './presence.ts';
import { loadRecords } from './records.ts';
import { SeenFile, type SeenPlace } from './seen-file.ts';
import { supportWarnings } from './support.ts';
import { keyRead, readOp, TermWriter } from './term-writer.ts';
import { watchRange } from './watch-range.ts';

export interface EtcdStoreOptions extends EtcdAccess {
  /** Take over a store that was restored into another etcd cluster. Default: refuse it. */
  readonly adoptCopy?: boolean;
  /** How long a silent leader keeps the lead. Default 5 s; etcd rounds up to seconds and has a floor of its own. */
  readonly electionTtlMs?: number;
  /** Told about etcd versions that are too old for production, and about an etcd in which nobody can be elected. Default: nobody. */
  readonly warn?: (warning: string) => void;
  /** Where it is remembered how far the store was seen to be. Default: nowhere, so a store that is set back between two lives is not noticed. */
  readonly seen?: SeenPlace;
}

const ELECTION_TTL_MS = 5_000;
/** How long giving up the lead waits for commits that are under way. */
const SETTLE_MS = 1_000;

interface Held extends Victory {
  readonly commits: CommitQueue;
  readonly lost: AbortController;
}

/** Connects and reads the identity, or makes it. Rejects with a StoreError. */
export async function openEtcdStore(address: EtcdAddress, options: EtcdStoreOptions = {}): Promise<EtcdStore> {
  const client = new EtcdClient(address.endpoints, options);
  try {
    const keys = new Keys(address.prefix);
    const { adoptCopy = false, warn } = options;
    const file = options.seen === undefined ? undefined : seenFile(options.seen, address.prefix, warn);
    const seen = options.seen?.isDefault ? await seenOfSame(client, keys, file, warn) : file?.read();
    const identity = await settleIdentity(client, keys, adoptCopy, seen);
    if (warn !== undefined) for (const warning of await supportWarnings(client)) warn(warning);
    const store = new EtcdStore(client, keys, identity, options, file);
    await store.confirm();
    return store;
  } catch (error) {
    client.close();
    throw etcdStoreError(error);
  }
}

/** What was seen of the cluster that is there. Another one, or none, shares no term and no epoch with it: that is safe, and said. */
async function seenOfSame(client: EtcdClient, keys: Keys, file: SeenFile | undefined, warn: EtcdStoreOptions['warn']) {
  const seen = file?.read();
  const { found } = await readIdentity(client, keys);
  if (seen === undefined || found?.clusterId === seen.clusterId) return seen;
  warn?.(`cluster ${seen.clusterId}, which this controller served here before, is gone; ${file?.path} is forgotten`);
  return undefined;
}

/** A controller that can't remember is better than none. */
function seenFile(place: SeenPlace, prefix: string, warn: EtcdStoreOptions['warn']): SeenFile | undefined {
  try {
    return new SeenFile(place, prefix);
  } catch (error) {
    const problem = messageOf(error);
    warn?.(`${place.folder} can't be used (${problem}): a store that is set back will not be noticed after a restart`);
    return undefined;
  }
}

export class EtcdStore implements Store {
  readonly kind = 'etcd';
  readonly #client: EtcdClient;
  readonly #keys: Keys;
  readonly #identity: IdentityValue;
  readonly #ttlMs: number;
  readonly #warn: (warning: string) => void;
  readonly #lineage: Lineage;
  #held: Held | undefined;
  #presence: Presence | undefined;
  /** The last term won here; all before it are over. */
  #newestTerm = 0;

  constructor(
    client: EtcdClient,
    keys: Keys,
    identity: IdentityValue,
    options: Omit<EtcdStoreOptions, 'seen'>,
    file?: SeenFile,
  ) {
    this.#client = client;
    this.#keys = keys;
    this.#identity = identity;
    this.#ttlMs = options.electionTtlMs ?? ELECTION_TTL_MS;
    this.#warn = options.warn ?? (() => {});
    this.#lineage = new Lineage({ client, keys, identity, file, warn: this.#warn });
  }

  /** Rejects with a StoreError `STORE_BEHIND`, now and from now on, when something is gone that was seen. */
  async confirm(options: ReadOptions = {}): Promise<void> {
    await this.#ask(() => this.#lineage.look(options));
  }

  async identity(): Promise<Identity> {
    this.#client.closing.throwIfAborted();
    const { clusterId, incarnation } = this.#identity;
    return { clusterId, incarnation };
  }

  async campaign(candidate: string, signal: AbortSignal): Promise<WonTerm> {
    assert(this.#held === undefined, `${candidate} campaigns while it leads`);
    const [client, keys] = [this.#client, this.#keys];
    const stop = AbortSignal.any([signal, client.closing]);
    const warn = (detail: string): void => this.#warn(`nobody can be elected, for etcd is out of space: ${detail}`);
    const confirm = (options: ReadOptions): Promise<void> => this.#lineage.look(options);
    const common = { client, keys, identity: this.#identity, candidate, ttlMs: this.#ttlMs };
    const victory = await this.#ask(() => winElection({ ...common, signal: stop, warn, confirm }));
    // The beginning of this term is worth remembering at once.
    void this.#lineage.look({ signal: stop }).catch(() => {});
    return this.#heldOf(victory);
  }

  async resign({ to }: { readonly to?: string } = {}): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    await Promise.race([held.commits.idle(), sleep(SETTLE_MS, undefined, { ref: false })]);
    // Who comes next is a wish: without an answer, anybody does.
    if (to !== undefined) await nameSuccessor(this.#client, this.#keys, held.createRevision, to).catch(() => {});
    this.#lose(held, 'This controller resigned.');
    await held.lease.revoke();
  }

  async verifyTerm(term: number): Promise<boolean> {
    this.#client.closing.throwIfAborted();
    this.#held?.lease.isAlive();
    // What was lost here is over for this controller, even while etcd has not heard of it.
    if (term <= this.#newestTerm && this.#held?.term !== term) return false;
    const ours = incarnationOf(term) === this.#identity.incarnation;
    const { kvs } = await this.#ask(() => this.#client.read(KV.method.range, { key: this.#keys.leader }));
    return ours && kvs[0]?.createRevision === this.#createRevisionOf(term);
  }

  async load(): Promise<Snapshot> {
    return this.#ask(() => loadRecords(this.#client, this.#keys));
  }

  async commit(batch: Batch): Promise<CommitOutcome> {
    if (this.#client.closing.aborted) {
      return { kind: 'failed', reason: 'STORE_UNAVAILABLE', detail: 'the store is closed' };
    }
    const held = this.#held;
    if (held?.term !== batch.term || !held.lease.isAlive()) {
      return { kind: 'deposed', detail: `this controller does not lead in term ${batch.term}` };
    }
    return held.commits.commit(batch);
  }

  async lastCommit(term: number): Promise<number> {
    const success = [readOp(this.#keys.leader), readOp(this.#keys.head)];
    const response = await this.#ask(() => this.#client.read(KV.method.txn, { success }));
    const head = parseHead(keyRead(response, 1)?.value);
    if (keyRead(response, 0)?.createRevision !== this.#createRevisionOf(term) || head.term !== term) {
      throw new StoreError('TERM_OVER', `Term ${term} is over; the newest is ${head.term}.`);
    }
    return head.number;
  }

  async *watch(afterRevision: number, signal: AbortSignal): AsyncGenerator<Change, void> {
    const start = BigInt(afterRevision) + 1n;
    const confirm = (): Promise<void> => this.#lineage.look();
    for await (const events of watchRange(this.#client, this.#keys.commits, start, signal, confirm)) {
      for (const { kv } of events) if (kv !== undefined && this.#keys.isHead(kv.key)) this.#lineage.sawHead(headIn(kv));
      yield* commitsOf(this.#client, this.#keys, events);
    }
  }

  async newestChange(): Promise<number> {
    const { kvs } = await this.#ask(() => this.#client.read(KV.method.range, { key: this.#keys.head }));
    return Number(kvs[0]?.modRevision ?? 0n);
  }

  async endTerm(term: number): Promise<void> {
    await this.#ask(() => endLead(this.#client, this.#keys, this.#createRevisionOf(term)));
  }

  async leader(): Promise<LeaderSeen | undefined> {
    return (await this.#ask(() => readLeader(this.#leaderKey))).leader;
  }

  async *observe(signal: AbortSignal): AsyncGenerator<LeaderSeen | undefined, void> {
    try {
      yield* watchLeader(this.#leaderKey, signal);
    } catch (error) {
      if (!signal.aborted) throw etcdStoreError(error);
    }
  }

  async join(candidate: string): Promise<void> {
    await this.#presence?.end();
    const [client, keys, ttlMs] = [this.#client, this.#keys, this.#ttlMs];
    this.#presence = await this.#ask(() => Presence.begin({ client, keys, candidate, ttlMs }));
  }

  async note(text: string): Promise<void> {
    await this.#ask(async () => this.#presence?.note(text));
  }

  async members(): Promise<readonly Member[]> {
    return this.#ask(() => readMembers(this.#client, this.#keys));
  }

  async close(): Promise<void> {
    await Promise.all([this.resign(), this.#presence?.end()]);
    await this.#lineage.settle();
    this.#client.close();
  }

  get #leaderKey(): LeaderKey {
    return { client: this.#client, keys: this.#keys, incarnation: this.#identity.incarnation };
  }

  #heldOf(victory: Victory): WonTerm {
    const lost = new AbortController();
    const { term, createRevision, lease } = victory;
    const keys = this.#keys;
    const writer = new TermWriter({
      client: this.#client,
      keys,
      term,
      createRevision,
      lease: lease.id,
      head: headText({ term, number: 0, form: 'whole' }, lease.id),
      over: lost.signal,
      lose: (reason) => this.#lose(held, reason),
      lineage: this.#lineage,
    });
    const commits = new CommitQueue({ writer, keys, term, over: lost.signal });
    const held: Held = { ...victory, commits, lost };
    this.#held = held;
    this.#newestTerm = term;
    lease.lost.addEventListener('abort', () => this.#lose(held, String(lease.lost.reason?.message)), { once: true });
    if (!lease.isAlive()) this.#lose(held, 'The lease ended during the election.');
    const { closing } = this.#client;
    closing.addEventListener('abort', () => this.#lose(held, String(closing.reason?.message)), { once: true });
    void this.#watchOwnKey(held);
    return { term, lost: lost.signal };
  }

  /** Tells of a leadership that was ended from outside, long before the next keepalive or commit would. */
  async #watchOwnKey({ term, createRevision, lost }: Held): Promise<void> {
    const range = { key: this.#keys.leader, rangeEnd: encode('') };
    try {
      for await (const events of watchRange(this.#client, range, createRevision + 1n, lost.signal)) {
        if (!events.some((event) => event.type === Event_EventType.DELETE)) continue;
        if (this.#held?.term === term) this.#lose(this.#held, `Term ${term} was ended in etcd.`);
      }
    } catch {
      // Compacted or closed. The lease and the commits' own comparison still tell, only later.
    }
  }

  #lose(held: Held, reason: string): void {
    if (this.#held === held) this.#held = undefined;
    if (held.lost.signal.aborted) return;
    held.lost.abort(new StoreError('TERM_OVER', reason));
    // Kept alive for nothing otherwise. Whether it can be revoked now does not matter.
    void held.lease.revoke();
  }

  #createRevisionOf(term: number): bigint {
    return BigInt(term - firstOfIncarnation(incarnationOf(term)));
  }

  /** Runs a request for a caller of this store: errors are StoreErrors, and a closed store says so. */
  async #ask<T>(request: () => Promise<T>): Promise<T> {
    this.#client.closing.throwIfAborted();
    try {
      return await request();
    } catch (error) {
      throw etcdStoreError(error);
    }
  }
}
