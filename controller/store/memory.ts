/**
 * A store in the memory of this process: for tests, trials and the simulator. `MemoryCluster` is what the candidates share, and
 * all of it is synchronous; `MemoryStore` is one candidate's handle on it.
 */
import { randomUUID } from 'node:crypto';
import { assert } from '../../shared/assert.ts';
import { firstOfIncarnation } from '../../shared/ids.ts';
import { assertBatch, compareKeys, deposedBy, tooLarge } from './batch.ts';
import { ChangeLog, type ChangeLogLimits } from './change-log.ts';
import { LeaderBoard } from './leader-board.ts';
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
  type Write,
} from './store.ts';

export interface MemoryClusterOptions {
  /** Default: a new random one. */
  readonly clusterId?: string;
  /** Default 1, the first life. */
  readonly incarnation?: number;
  readonly log?: ChangeLogLimits;
}

interface Held {
  readonly candidate: string;
  readonly term: number;
  readonly lost: AbortController;
}

interface Candidacy {
  readonly candidate: string;
  readonly elect: (held: Held) => void;
}

export class MemoryCluster {
  readonly identity: Identity;
  readonly #records = new Map<string, Uint8Array>();
  readonly #log: ChangeLog;
  /** In order of arrival; the first is elected when the leader goes. */
  readonly #waiting = new Set<Candidacy>();
  #leader: Held | undefined;
  #term: number;
  #number = 0;
  #revision = 0;
  readonly board = new LeaderBoard();

  constructor(options: MemoryClusterOptions = {}) {
    this.identity = { clusterId: options.clusterId ?? randomUUID(), incarnation: options.incarnation ?? 1 };
    this.#term = firstOfIncarnation(this.identity.incarnation);
    this.#log = new ChangeLog(0, options.log);
  }

  /** Who leads, or undefined. */
  get leader(): string | undefined {
    return this.#leader?.candidate;
  }

  /** Queues a candidate; `elect` is called at once or when its turn comes. Returns how to leave the queue. */
  enter(candidacy: Candidacy): () => void {
    this.#waiting.add(candidacy);
    this.#electNext();
    return () => this.#waiting.delete(candidacy);
  }

  /**
   * Ends the leadership of `term` and elects the next candidate; does nothing if it is over already. Called for a resignation, and
   * by tests and the simulator to take a term away from a leader that does not know.
   */
  depose(term: number, reason: string, to?: string): void {
    const leader = this.#leader;
    if (leader?.term !== term) return;
    this.#leader = undefined;
    this.board.leader = undefined;
    leader.lost.abort(new StoreError('TERM_OVER', reason));
    this.#electNext(to);
  }

  holds(term: number): boolean {
    return this.#leader?.term === term;
  }

  load(): Snapshot {
    const records = [...this.#records].map(([key, value]) => ({ key, value }));
    return { revision: this.#revision, records: records.sort((a, b) => compareKeys(a.key, b.key)) };
  }

  commit(batch: Batch): CommitOutcome {
    assertBatch(batch);
    const head = { term: this.#term, number: this.#number };
    const refusal = deposedBy(batch, head, this.#leader !== undefined) ?? tooLarge(batch);
    if (refusal !== undefined) return refusal;
    // Copied: the caller may use its buffers again, and this is the only place where the bytes live.
    const writes = batch.writes.map((write): Write => {
      return write.kind === 'put' ? { ...write, value: write.value.slice() } : write;
    });
    for (const write of writes) {
      if (write.kind === 'put') this.#records.set(write.key, write.value);
      else this.#records.delete(write.key);
    }
    this.#number = batch.number;
    this.#revision += 1;
    this.#log.append({ revision: this.#revision, writes });
    return { kind: 'committed', revision: this.#revision };
  }

  lastCommit(term: number): number {
    if (!this.holds(term)) throw new StoreError('TERM_OVER', `Term ${term} is over; the newest is ${this.#term}.`);
    return this.#number;
  }

  get newestChange(): number {
    return this.#log.newest;
  }

  watch(afterRevision: number, signal: AbortSignal): AsyncGenerator<Change, void> {
    return this.#log.watch(afterRevision, signal);
  }

  /** One that is meant to be next and does not wait is not waited for: here nobody is on the way. */
  #electNext(to?: string): void {
    const waiting = [...this.#waiting];
    const next = waiting.find(({ candidate }) => candidate === to) ?? waiting[0];
    if (this.#leader !== undefined || next === undefined) return;
    this.#waiting.delete(next);
    this.#term += 1;
    this.#number = 0;
    // As in etcd, an election moves the revision: nobody may count on revisions without gaps.
    this.#revision += 1;
    this.#leader = { candidate: next.candidate, term: this.#term, lost: new AbortController() };
    this.board.leader = { term: this.#leader.term, candidate: next.candidate };
    next.elect(this.#leader);
  }
}

export class MemoryStore implements Store {
  readonly kind = 'memory';
  readonly #cluster: MemoryCluster;
  readonly #closing = new AbortController();
  #term: number | undefined;

  constructor(cluster: MemoryCluster = new MemoryCluster()) {
    this.#cluster = cluster;
  }

  async identity(): Promise<Identity> {
    this.#refuseIfClosed();
    return this.#cluster.identity;
  }

  async campaign(candidate: string, signal: AbortSignal): Promise<WonTerm> {
    this.#refuseIfClosed();
    assert(this.#term === undefined || !this.#cluster.holds(this.#term), `${candidate} campaigns while it leads`);
    const stop = AbortSignal.any([signal, this.#closing.signal]);
    stop.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<WonTerm>();
    const leave = this.#cluster.enter({
      candidate,
      elect: ({ term, lost }) => {
        this.#term = term;
        resolve({ term, lost: lost.signal });
      },
    });
    const giveUp = (): void => {
      leave();
      reject(stop.reason);
    };
    stop.addEventListener('abort', giveUp, { once: true });
    return promise.finally(() => stop.removeEventListener('abort', giveUp));
  }

  async resign({ to }: { readonly to?: string } = {}): Promise<void> {
    if (this.#term !== undefined) this.#cluster.depose(this.#term, 'This candidate resigned.', to);
  }

  async leader(): Promise<LeaderSeen | undefined> {
    this.#refuseIfClosed();
    return this.#cluster.board.leader;
  }

  async *observe(signal: AbortSignal): AsyncGenerator<LeaderSeen | undefined, void> {
    yield* this.#cluster.board.observe(AbortSignal.any([signal, this.#closing.signal]));
    if (!signal.aborted) this.#refuseIfClosed();
  }

  async endTerm(term: number): Promise<void> {
    this.#refuseIfClosed();
    this.#cluster.depose(term, `Term ${term} was ended by another candidate.`);
  }

  async join(candidate: string): Promise<void> {
    this.#refuseIfClosed();
    this.#cluster.board.join(this, candidate);
  }

  async note(text: string): Promise<void> {
    this.#refuseIfClosed();
    this.#cluster.board.note(this, text);
  }

  async members(): Promise<readonly Member[]> {
    this.#refuseIfClosed();
    return this.#cluster.board.members;
  }

  async verifyTerm(term: number): Promise<boolean> {
    this.#refuseIfClosed();
    return this.#cluster.holds(term);
  }

  async load(): Promise<Snapshot> {
    this.#refuseIfClosed();
    return this.#cluster.load();
  }

  async commit(batch: Batch): Promise<CommitOutcome> {
    if (this.#closing.signal.aborted) {
      return { kind: 'failed', reason: 'STORE_UNAVAILABLE', detail: 'the store is closed' };
    }
    return this.#cluster.commit(batch);
  }

  async lastCommit(term: number): Promise<number> {
    this.#refuseIfClosed();
    return this.#cluster.lastCommit(term);
  }

  async newestChange(): Promise<number> {
    this.#refuseIfClosed();
    return this.#cluster.newestChange;
  }

  watch(afterRevision: number, signal: AbortSignal): AsyncIterable<Change> {
    return untilClosed(this.#cluster, afterRevision, signal, this.#closing.signal);
  }

  /** A handle that closes without resigning is a leader that died: the cluster elects the next candidate. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new StoreError('STORE_UNAVAILABLE', 'The store is closed.'));
    this.#cluster.board.part(this);
    if (this.#term !== undefined) this.#cluster.depose(this.#term, 'The store was closed.');
  }

  #refuseIfClosed(): void {
    this.#closing.signal.throwIfAborted();
  }
}

/** The cluster's log outlives a handle, so the end of a handle has to be told to its watchers here. */
async function* untilClosed(
  cluster: MemoryCluster,
  afterRevision: number,
  signal: AbortSignal,
  closing: AbortSignal,
): AsyncGenerator<Change, void> {
  yield* cluster.watch(afterRevision, AbortSignal.any([signal, closing]));
  if (!signal.aborted) closing.throwIfAborted();
}
