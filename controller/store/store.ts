/**
 * The store interface: what a leader needs to keep, shaped like etcd so that one suite can hold every
 * implementation (memory, SQLite, etcd) to the same promises. Keys are text, values are opaque bytes
 * (encoded records; see controller/codec). See docs/architecture.md, "The store".
 */

/** One write of a batch. */
export type Write =
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string };

/**
 * Writes that become durable together or not at all, however many: no load, no watch and no later leader ever sees a part of them.
 * `number` counts a leader's commits from 1 in each term. The last write of a key wins.
 * The store keeps the values it is given: their bytes must not change afterwards.
 */
export interface Batch {
  readonly term: number;
  readonly number: number;
  readonly writes: readonly Write[];
}

/** What became of a batch. Everything but `committed` leaves the caller's state ahead of the store. */
export type CommitOutcome =
  /** Durable, at this revision: that of no other commit, above those of all before it. */
  | { readonly kind: 'committed'; readonly revision: number }
  /** The term is over or a commit is missing in between: step down, drop all state. Nothing was written. */
  | { readonly kind: 'deposed'; readonly detail: string }
  /**
   * Nothing was written, and the reason is the store's own (no space, I/O error). The same number may be committed again;
   * batches sent after it share its outcome until then.
   */
  | { readonly kind: 'failed'; readonly reason: 'STORE_FULL' | 'STORE_UNAVAILABLE'; readonly detail: string }
  /** Nothing was written, and never will be, however often it is repeated: it has a part larger than any store takes, or than this one. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** Not known: ask `lastCommit` before anything else leaves, or step down. */
  | { readonly kind: 'unknown'; readonly detail: string };

export interface StoreRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

/** A consistent picture of everything, at one revision. */
export interface Snapshot {
  readonly revision: number;
  readonly records: readonly StoreRecord[];
}

/** One committed batch, whole, as a follower sees it. */
export interface Change {
  /** What its leader was answered. A watch resumed after it goes on with the next commit. */
  readonly revision: number;
  readonly writes: readonly Write[];
}

/** Who the store belongs to. `incarnation` is the number of its life, raised by restore or adoption of a copy. */
export interface Identity {
  readonly clusterId: string;
  readonly incarnation: number;
}

/** What a store begins with. */
export interface Beginning {
  readonly identity: Identity;
  readonly records: readonly StoreRecord[];
}

/** A won election. `term` is strictly greater than every earlier one of this store and carries the incarnation. */
export interface WonTerm {
  readonly term: number;
  /** Aborted, with a reason in words, when the leadership may have ended. */
  readonly lost: AbortSignal;
}

/** A leadership as the candidates see it. */
export interface LeaderSeen {
  readonly term: number;
  /** What the leader campaigned as. */
  readonly candidate: string;
}

/** One of those that have joined. */
export interface Member {
  /** What it joined as. */
  readonly candidate: string;
  /** What it noted last since it joined; empty: nothing. */
  readonly note: string;
  /** Time since the store last heard of it. */
  readonly silentMs: number;
}

export interface Store {
  readonly kind: 'memory' | 'sqlite' | 'etcd';
  identity(): Promise<Identity>;
  /** Waits until this candidate leads, or the signal aborts (then rejects with its reason). */
  campaign(candidate: string, signal: AbortSignal): Promise<WonTerm>;
  /**
   * Gives leadership up at once. Does nothing when it is not held. With `to`, only that candidate can be elected for the next few
   * seconds; then, if it was not, any.
   */
  resign(options?: { readonly to?: string }): Promise<void>;
  /** Who leads, by a linearizable read; undefined: nobody. Rejects within about two seconds when the store does not answer. */
  leader(): Promise<LeaderSeen | undefined>;
  /** Who leads: now, and after each change. Changes in quick succession may be shown as one. Ends when the signal aborts. */
  observe(signal: AbortSignal): AsyncIterable<LeaderSeen | undefined>;
  /**
   * Ends the leadership of `term`, whoever holds it, if it still stands: for a candidate with evidence that the leader is dead. Safe
   * at any time, since everything that a leader does rests on its term.
   */
  endTerm(term: number): Promise<void>;
  /** Shows this candidate in `members` for as long as the process lives and the store is open. */
  join(candidate: string): Promise<void>;
  /** Shows a text beside this candidate in `members`, instead of the one before. Does nothing before `join`. */
  note(text: string): Promise<void>;
  /** Those that have joined and are there. */
  members(): Promise<readonly Member[]>;
  /** Whether `term` is still the current one, by a read that is linearizable and begun after the call. */
  verifyTerm(term: number): Promise<boolean>;
  /** Everything, at a revision not before the newest election. */
  load(): Promise<Snapshot>;
  /**
   * Commits a batch if its term is current and its number follows the last one committed in that term.
   * Batches may be pipelined: they take effect in the order of the calls, and one that fails fails all later ones.
   */
  commit(batch: Batch): Promise<CommitOutcome>;
  /** The number of the last batch committed in `term`; 0 if none. Rejects if the term is over. */
  lastCommit(term: number): Promise<number>;
  /**
   * The commits after a revision, in order, each once and as one change. The revision is that of a change or of a load. Ends with StoreError
   * `COMPACTED` when that is too old: load again.
   */
  watch(afterRevision: number, signal: AbortSignal): AsyncIterable<Change>;
  /**
   * Revision of the newest change that `watch` tells, by a read that is linearizable and begun after the call; 0: none yet. Rejects within about
   * two seconds when the store does not answer.
   */
  newestChange(): Promise<number>;
  /** Releases everything. A leader should resign first. */
  close(): Promise<void>;
}

/** What a leader does with the store once it is elected. */
export type TermStore = Pick<Store, 'verifyTerm' | 'load' | 'commit' | 'lastCommit'>;

/** Why a store can't be opened or read. */
export type StoreErrorReason =
  | 'LOCKED' // another process holds it
  | 'NOT_A_STORE' // the file is something else, or empty
  | 'CORRUPT' // damaged: named where
  | 'NEWER_SCHEMA' // written by a newer version
  | 'COPIED' // a copy of another store's file: adopt it explicitly
  | 'STORE_BEHIND' // set back: it was seen to have more
  | 'COMPACTED' // the revision is no longer kept
  | 'STORE_FULL'
  | 'STORE_UNAVAILABLE'
  | 'TERM_OVER';

/** The one error type of this boundary. The message says what to do next. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly reason: StoreErrorReason;
  /** It is worth waiting: nobody answered yet, or somebody has to make space. */
  readonly passes: boolean;

  constructor(reason: StoreErrorReason, message: string, options: ErrorOptions & { readonly passes?: boolean } = {}) {
    super(message, options);
    this.reason = reason;
    this.passes = options.passes ?? reason === 'STORE_FULL';
  }
}
