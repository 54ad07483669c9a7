/**
 * The embedded store: one SQLite file, held by one process for as long as it is open.
 *
 * SQLite works synchronously, so the store has no state of its own between two calls but the commits that wait for the end of
 * the current tick; these become one transaction, with one fsync.
 */
import type { DatabaseSync } from 'node:sqlite';
import { assert } from '../../shared/assert.ts';
import { assertBatch, deposedBy, type Head, type Setback, tooLarge } from './batch.ts';
import { ChangeLog, type ChangeLogLimits } from './change-log.ts';
import { LeaderBoard } from './leader-board.ts';
import { isFull, sqliteFault, sqliteStoreError } from './sqlite-error.ts';
import { type OpenedDatabase, openDatabase, type SqliteOpenOptions } from './sqlite-open.ts';
import { isStillAt } from './sqlite-place.ts';
import { checkedRecord, crcOf, crcOfHead } from './sqlite-schema.ts';
import { prepareStatements, type Statements } from './sqlite-statements.ts';
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
  type StoreRecord,
  type WonTerm,
} from './store.ts';

export interface SqliteStoreOptions extends SqliteOpenOptions {
  /** How much `watch` can go back. */
  readonly log?: ChangeLogLimits;
}

/** Commits that may wait for the end of the tick; one more makes them all durable at once. */
const MAX_WAITING = 256;

interface Waiting {
  readonly batch: Batch;
  readonly settle: (outcome: CommitOutcome) => void;
}

/** Opens the store at a path; creates it where no file exists. Rejects with a StoreError that names the file. */
export async function openSqliteStore(path: string, options: SqliteStoreOptions = {}): Promise<SqliteStore> {
  return new SqliteStore(await openDatabase(path, options), options.log);
}

export class SqliteStore implements Store {
  readonly kind = 'sqlite';
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #inode: bigint;
  readonly #identity: Identity;
  readonly #statements: Statements;
  readonly #log: ChangeLog;
  readonly #board = new LeaderBoard();
  readonly #closing = new AbortController();
  /** What is in the file. Kept here too: nobody else can write it. */
  #head: Head;
  #held: { readonly term: number; readonly lost: AbortController } | undefined;
  #waiting: Waiting[] = [];
  #setback: Setback | undefined;
  /** Why nothing works any more: closed, or the disk failed in a way after which nothing is certain. */
  #ended: StoreError | undefined;

  constructor(opened: OpenedDatabase, limits?: ChangeLogLimits) {
    this.#db = opened.db;
    this.#file = opened.file;
    this.#inode = opened.inode;
    this.#identity = opened.identity;
    this.#head = opened.head;
    this.#statements = prepareStatements(opened.db);
    this.#log = new ChangeLog(opened.head.revision, limits);
  }

  async identity(): Promise<Identity> {
    this.#refuseIfEnded();
    return this.#identity;
  }

  /** Holding the file is being the only candidate: elected at once. */
  async campaign(candidate: string, signal: AbortSignal): Promise<WonTerm> {
    signal.throwIfAborted();
    this.#flush();
    this.#refuseIfEnded();
    assert(this.#held === undefined, `${candidate} campaigns while it leads`);
    this.#refuseIfMoved();
    // As in etcd, an election moves the revision: nobody may count on revisions without gaps.
    const head = { term: this.#head.term + 1, number: 0, revision: this.#head.revision + 1 };
    try {
      this.#transact(() => this.#moveHead(head));
    } catch (error) {
      throw this.#translate(error);
    }
    this.#head = head;
    this.#setback = undefined;
    const lost = new AbortController();
    this.#held = { term: head.term, lost };
    this.#board.leader = { term: head.term, candidate };
    return { term: head.term, lost: lost.signal };
  }

  async resign(): Promise<void> {
    this.#flush();
    this.#lose('This controller resigned.');
  }

  async leader(): Promise<LeaderSeen | undefined> {
    return this.#ended === undefined ? this.#board.leader : Promise.reject(this.#ended);
  }

  async *observe(signal: AbortSignal): AsyncGenerator<LeaderSeen | undefined, void> {
    yield* this.#board.observe(AbortSignal.any([signal, this.#closing.signal]));
    if (!signal.aborted) this.#refuseIfEnded();
  }

  async endTerm(term: number): Promise<void> {
    this.#refuseIfEnded();
    if (this.#held?.term === term) this.#lose(`Term ${term} was ended.`);
  }

  async join(candidate: string): Promise<void> {
    this.#refuseIfEnded();
    this.#board.join(this, candidate);
  }

  async note(text: string): Promise<void> {
    this.#refuseIfEnded();
    this.#board.note(this, text);
  }

  async members(): Promise<readonly Member[]> {
    return this.#ended === undefined ? this.#board.members : Promise.reject(this.#ended);
  }

  async verifyTerm(term: number): Promise<boolean> {
    this.#refuseIfEnded();
    if (this.#held?.term !== term) return false;
    // The lock is on the file, not on its name: whoever replaced the file could start a second leader on the new one.
    if (!isStillAt(this.#file, this.#inode)) this.#lose(`${this.#file} was moved or replaced while in use.`);
    return this.#held?.term === term;
  }

  async load(): Promise<Snapshot> {
    this.#flush();
    this.#refuseIfEnded();
    const records: StoreRecord[] = [];
    try {
      for (const row of this.#statements.all.iterate()) records.push(checkedRecord(row, this.#file));
    } catch (error) {
      throw this.#translate(error);
    }
    return { revision: this.#head.revision, records };
  }

  commit(batch: Batch): Promise<CommitOutcome> {
    assertBatch(batch);
    const { promise, resolve } = Promise.withResolvers<CommitOutcome>();
    this.#waiting.push({ batch, settle: resolve });
    // After the I/O of this turn of the event loop, so that what arrived together is written together.
    if (this.#waiting.length === 1) setImmediate(() => this.#flush());
    if (this.#waiting.length >= MAX_WAITING) this.#flush();
    return promise;
  }

  async newestChange(): Promise<number> {
    this.#flush();
    this.#refuseIfEnded();
    return this.#log.newest;
  }

  async lastCommit(term: number): Promise<number> {
    this.#flush();
    this.#refuseIfEnded();
    if (this.#held?.term !== term) {
      throw new StoreError('TERM_OVER', `Term ${term} is over; the newest is ${this.#head.term}.`);
    }
    return this.#head.number;
  }

  watch(afterRevision: number, signal: AbortSignal): AsyncIterable<Change> {
    return this.#log.watch(afterRevision, signal);
  }

  async close(): Promise<void> {
    this.#flush();
    if (this.#ended === undefined) this.#end(new StoreError('STORE_UNAVAILABLE', `${this.#file} is closed.`));
    if (this.#db.isOpen) this.#db.close();
  }

  #flush(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    if (this.#held !== undefined && !isStillAt(this.#file, this.#inode)) {
      this.#lose(`${this.#file} was moved or replaced while in use.`);
    }
    if (group.length > 1 && this.#commitTogether(group)) return;
    // Alone, or something in the group did not fit: each by itself, so that those before the trouble are kept.
    for (const waiting of group) if (!this.#commitTogether([waiting])) waiting.settle(this.#refusalOf(waiting.batch));
  }

  /** Commits a group in one transaction and settles each of it; false, with nothing settled or written, if that can't be. */
  #commitTogether(group: readonly Waiting[]): boolean {
    let head = this.#head;
    const changes: Change[] = [];
    for (const { batch } of group) {
      const refusal = deposedBy(batch, head, this.#held !== undefined) ?? tooLarge(batch);
      if (this.#ended !== undefined || refusal !== undefined) return false;
      head = { term: head.term, number: batch.number, revision: head.revision + 1 };
      changes.push({ revision: head.revision, writes: batch.writes });
    }
    try {
      this.#transact(() => {
        for (const { writes } of changes) this.#write(writes);
        this.#moveHead(head);
      });
    } catch (error) {
      this.#setback = this.#setbackBy(error, group);
      return false;
    }
    this.#head = head;
    this.#setback = undefined;
    for (const change of changes) this.#log.append(change);
    for (const [i, { settle }] of group.entries()) {
      settle({ kind: 'committed', revision: changes[i]?.revision ?? head.revision });
    }
    return true;
  }

  /** Why this batch was not committed. One sent after a refused one shares its fate, and may be sent again after it. */
  #refusalOf(batch: Batch): CommitOutcome {
    const setback = this.#setback;
    if (setback !== undefined && setback.term === batch.term && setback.number <= batch.number) return setback.outcome;
    if (this.#ended !== undefined) {
      return { kind: 'failed', reason: 'STORE_UNAVAILABLE', detail: this.#ended.message };
    }
    const refusal = deposedBy(batch, this.#head, this.#held !== undefined) ?? tooLarge(batch);
    assert(refusal !== undefined, `commit ${batch.number} of term ${batch.term} was refused without a reason`);
    return refusal;
  }

  #setbackBy(error: unknown, group: readonly Waiting[]): Setback {
    const translated = this.#translate(error);
    if (!(translated instanceof StoreError)) throw error;
    const { term, number } = group[0]?.batch ?? this.#head;
    const detail = translated.message;
    if (this.#ended !== undefined) return { term, number, outcome: { kind: 'unknown', detail } };
    const reason = isFull(error) ? 'STORE_FULL' : 'STORE_UNAVAILABLE';
    return { term, number, outcome: { kind: 'failed', reason, detail } };
  }

  #write(writes: Change['writes']): void {
    for (const write of writes) {
      if (write.kind === 'put') this.#statements.put.run(write.key, write.value, crcOf(write.key, write.value));
      else this.#statements.delete.run(write.key);
    }
  }

  /** The guard is in the statement too: were the file not what this process thinks, it would change no row. */
  #moveHead(to: Head): void {
    const { term, number } = this.#head;
    const { changes } = this.#statements.head.run(to.term, to.number, to.revision, crcOfHead(to), term, number);
    assert(changes === 1, `${this.#file} is not at commit ${number} of term ${term}, as this process left it`);
  }

  #transact(work: () => void): void {
    this.#statements.begin.run();
    try {
      work();
      this.#commitOrEnd();
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  #rollBack(): void {
    // Disk full has rolled it back already.
    if (!this.#db.isTransaction) return;
    try {
      this.#db.exec('ROLLBACK');
    } catch (error) {
      this.#end(new StoreError('STORE_UNAVAILABLE', this.#ioFailure(error), { cause: error }));
    }
  }

  /**
   * After a failed write or fsync of the log, the commit may or may not be found at the next start, and going on could bury it:
   * the store ends here. Only a full disk is certain to have written nothing.
   */
  #commitOrEnd(): void {
    try {
      this.#statements.commit.run();
    } catch (error) {
      if (!isFull(error)) this.#end(new StoreError('STORE_UNAVAILABLE', this.#ioFailure(error), { cause: error }));
      throw error;
    }
  }

  #ioFailure(error: unknown): string {
    const what = sqliteFault(error)?.message ?? String(error);
    return `Writing ${this.#file} failed (${what}). Look at the disk, then start again: what was acknowledged is there.`;
  }

  #end(why: StoreError): void {
    this.#ended = why;
    this.#lose(why.message);
    this.#log.close();
    this.#closing.abort(why);
  }

  #lose(reason: string): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.#board.leader = undefined;
    held?.lost.abort(new StoreError('TERM_OVER', reason));
  }

  #refuseIfEnded(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  #refuseIfMoved(): void {
    if (isStillAt(this.#file, this.#inode)) return;
    throw new StoreError('STORE_UNAVAILABLE', `${this.#file} was moved or replaced while in use. Start again.`);
  }

  #translate(error: unknown): unknown {
    return this.#ended ?? sqliteStoreError(this.#file, this.#inode, error);
  }
}
