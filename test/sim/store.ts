/**
 * One linearizable store for all controllers: every request is carried out at one moment between its call and its answer, if it
 * arrives at all, and its answer may be late or lost. The guard of commits is the stores' own (controller/store/batch.ts).
 */
import type { StateRecord } from '../../controller/core/records/state.ts';
import { deposedBy } from '../../controller/store/batch.ts';
import type { Batch, CommitOutcome, Snapshot, Write } from '../../controller/store/store.ts';
import { firstOfIncarnation } from '../../shared/ids.ts';
import type { Prng } from '../../shared/prng.ts';
import type { BatchFacts } from './checks/ledger.ts';
import type { EventQueue } from './event-queue.ts';
import { StagedRecords } from './staged-records.ts';
import type { Values } from './values.ts';

/** A commit, and for the checks what its writes say. */
export interface SimBatch extends Batch {
  readonly facts: BatchFacts;
}

export interface Candidate {
  readonly name: string;
  /** It can be told that it leads. */
  readonly isReachable: () => boolean;
  readonly elect: (term: number) => void;
}

export interface StoreOptions {
  readonly queue: EventQueue;
  readonly random: Prng;
  readonly clusterId: string;
  /** Longest usual delay of one way; 0.3 for a store in the controller's own process. */
  readonly delayMs: number;
  /** How long a client waits for an answer. */
  readonly timeoutMs: number;
  readonly values: Values;
  /** How long a leadership outlives its silent leader. 0: the store is part of the controller, and goes with it alone. */
  readonly ttlMs: number;
  /** Writes of one transaction; larger commits are staged. */
  readonly maxWrites: number;
  readonly onCommit: (batch: SimBatch) => void;
  /** Somebody reads everything, and this is what is there. */
  readonly onRead: (records: ReadonlyMap<string, Uint8Array>) => void;
  readonly onRestored: (records: ReadonlyMap<string, Uint8Array>) => void;
  /** The leadership of a term is over from now on. */
  readonly onTermOver: (term: number) => void;
}

/** What is wrong with the store now. */
export interface StoreTrouble {
  extraDelayMs: number;
  /** Share of commits that are refused for want of space. */
  refuse: number;
  /** Share of answers that are lost. */
  lose: number;
}

/** The way of one controller to the store. */
export interface StorePath {
  cuts: number;
}

const FULL: CommitOutcome = { kind: 'failed', reason: 'STORE_FULL', detail: 'no space' };
const WATCH_EVERY_MS = 1_000;
/** At every so many pieces of staged commits, somebody reads everything. */
const LOOK_EVERY = 5;

export class SimStore {
  readonly trouble: StoreTrouble = { extraDelayMs: 0, refuse: 0, lose: 0 };
  incarnation = 1;
  term = 0;
  number = 0;
  revision = 0;
  leader: Candidate | undefined;
  readonly data = new StagedRecords();
  readonly clusterId: string;
  readonly #options: StoreOptions;
  #candidates: Candidate[] = [];
  #electing = false;
  /** Requests that are not answered yet. */
  readonly #waiting = new Set<() => void>();
  #heardAt = 0;
  /** Of commits that were staged. */
  #pieces = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.clusterId = options.clusterId;
  }

  holds(term: number): boolean {
    return this.leader !== undefined && this.term === term;
  }

  get maxWrites(): number {
    return this.#options.maxWrites;
  }

  /** Everything, as whoever loads it reads it. */
  load(): Snapshot {
    const { visible } = this.data;
    this.#options.onRead(visible);
    const records = Array.from(visible, ([key, value]) => ({ key, value }));
    // Keys are ASCII here, so that this is the order of their bytes.
    return { revision: this.revision, records: records.sort((a, b) => (a.key < b.key ? -1 : 1)) };
  }

  /** For looking only. */
  read(key: string): StateRecord | undefined {
    const value = this.data.get(key);
    return value && this.#options.values.look(key, value);
  }

  /**
   * Carries a request to the store and its answer back. `lost` instead, after a while, when that takes too long or one of the two is
   * lost: then nobody knows whether it was carried out, or will be yet.
   */
  request<T>(
    path: StorePath,
    evaluate: () => T,
    answered: (answer: T) => void,
    lost: () => void,
    timeoutMs = this.#options.timeoutMs,
  ): void {
    const { queue, random } = this.#options;
    const giveUp = (): void => {
      queue.cancel(timer);
      if (this.#waiting.delete(giveUp)) lost();
    };
    const timer = queue.after(timeoutMs, giveUp);
    this.#waiting.add(giveUp);
    if (path.cuts > 0) return;
    queue.after(this.#delayMs(), () => {
      const answer = evaluate();
      if (path.cuts > 0 || random.chance(this.trouble.lose)) return;
      queue.after(this.#delayMs(), () => {
        queue.cancel(timer);
        if (this.#waiting.delete(giveUp)) answered(answer);
      });
    });
  }

  /** The connections to it are made anew: nobody waits any longer for what went over the old ones. */
  reconnect(): void {
    for (const giveUp of [...this.#waiting]) giveUp();
  }

  #delayMs(): number {
    const { random, delayMs } = this.#options;
    const { extraDelayMs } = this.trouble;
    return random.float() * delayMs + (extraDelayMs === 0 ? 0 : random.float() * extraDelayMs);
  }

  /** One that fits. */
  commit(batch: SimBatch): CommitOutcome {
    const refusal = this.#refusal(batch);
    if (refusal !== undefined) return refusal;
    this.data.write(batch.writes);
    return this.#committed(batch);
  }

  /** A piece of one that does not fit; the last one makes it part of the store. */
  stage(batch: SimBatch, attempt: number, index: number, pieces: readonly (readonly Write[])[]): CommitOutcome {
    const refusal = this.#refusal(batch);
    if (refusal !== undefined) return refusal;
    this.data.stage(attempt, index, pieces[index] ?? []);
    if (index < pieces.length - 1) return this.#pieceDone();
    this.data.name(attempt, pieces.length);
    const outcome = this.#committed(batch);
    this.#look();
    return outcome;
  }

  /** A piece of a commit that was staged goes into its records; with the last one, what was staged is removed. */
  unfold({ term, number }: Batch, writes: readonly Write[], isLast: boolean): CommitOutcome {
    if (!this.holds(term) || this.number !== number) return { kind: 'deposed', detail: `term ${term} is over` };
    this.data.write(writes);
    if (isLast) this.data.forgetStaged();
    return this.#pieceDone();
  }

  #pieceDone(): CommitOutcome {
    this.revision += 1;
    this.#look();
    return { kind: 'committed', revision: this.revision };
  }

  /** Followers and snapshots read between any two writes. */
  #look(): void {
    this.#pieces += 1;
    if (this.#pieces % LOOK_EVERY === 0) this.load();
  }

  #refusal({ term, number }: Batch): CommitOutcome | undefined {
    const deposed = deposedBy({ term, number, writes: [] }, this, this.leader !== undefined);
    if (deposed !== undefined) return deposed;
    return this.#options.random.chance(this.trouble.refuse) ? FULL : undefined;
  }

  #committed(batch: SimBatch): CommitOutcome {
    this.number = batch.number;
    this.revision += 1;
    this.#options.onCommit(batch);
    return { kind: 'committed', revision: this.revision };
  }

  /** Undefined: the term is over. */
  lastCommit(term: number): number | undefined {
    return this.holds(term) ? this.number : undefined;
  }

  campaign(candidate: Candidate): void {
    if (!this.#candidates.includes(candidate)) this.#candidates.push(candidate);
    this.#electSoon();
  }

  withdraw(candidate: Candidate): void {
    this.#candidates = this.#candidates.filter((one) => one !== candidate);
  }

  /** Ends a leadership; whoever held it may not know for long. */
  revoke(term: number): void {
    if (!this.holds(term)) return;
    this.leader = undefined;
    this.#options.onTermOver(term);
    this.#electSoon();
  }

  /** A candidate is gone, or keeps its term alive no longer: that is over when the store notices. */
  bury(candidate: Candidate): void {
    this.withdraw(candidate);
    const { term } = this;
    if (this.leader === candidate) this.#options.queue.after(this.#options.ttlMs, () => this.revoke(term));
  }

  /** Takes the leadership away from a leader that was not heard of for long enough. */
  watchLeader(): void {
    const { queue, ttlMs } = this.#options;
    if (this.leader?.isReachable() !== false) this.#heardAt = queue.now;
    else if (ttlMs > 0 && queue.now - this.#heardAt >= ttlMs) this.revoke(this.term);
    queue.after(WATCH_EVERY_MS, () => this.watchLeader());
  }

  #electSoon(): void {
    if (this.#electing || this.leader !== undefined) return;
    this.#electing = true;
    this.#options.queue.after(5 + this.#options.random.float() * 200, () => {
      this.#electing = false;
      this.#elect();
    });
  }

  #elect(): void {
    if (this.leader !== undefined) return;
    const reachable = this.#candidates.filter((one) => one.isReachable());
    const next = this.#options.random.pick(reachable);
    if (next === undefined) {
      if (this.#candidates.length > 0) this.#electSoon();
      return;
    }
    this.withdraw(next);
    this.term = Math.max(this.term, firstOfIncarnation(this.incarnation)) + 1;
    this.number = 0;
    this.revision += 1;
    this.data.beginTerm();
    this.leader = next;
    next.elect(this.term);
  }

  save(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.data.visible);
  }

  /** Puts an older state in place of the present one, as the next life of the store. Nobody leads. */
  restore(records: ReadonlyMap<string, Uint8Array>): void {
    const { term } = this;
    if (this.leader !== undefined) {
      this.leader = undefined;
      this.#options.onTermOver(term);
    }
    this.data.replace(records);
    this.#options.onRestored(records);
    this.incarnation += 1;
    this.number = 0;
    this.#electSoon();
  }
}
