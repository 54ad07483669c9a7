/**
 * Carries the core's commits and checks of the term to the store, and their outcomes back as events. One commit is under way at a
 * time, in order; one that fails for want of space is kept and repeated, since the core has moved on and nothing may be left out. One
 * that can never be made ends the term, for the same reason. What waits is bounded: the core hands over a commit when the one before
 * it is done, and further records wait with it (loop.ts).
 */
import { assert } from '../../shared/assert.ts';
import { encodeRecord } from '../codec/record.ts';
import type { RecordWrite } from '../core/cluster/effect.ts';
import type { StateRecord } from '../core/records/state.ts';
import type { Batch, CommitOutcome, TermStore, Write } from '../store/store.ts';
import type { Agenda, Planned } from './agenda.ts';

/** A store that takes no writes. */
export interface StoreTrouble {
  readonly reason: 'STORE_FULL' | 'STORE_UNAVAILABLE';
  readonly detail: string;
}

/** Is told what became of commits and checks: at once, and in the order in which it happened. */
export interface CommitterOwner {
  /** A batch is durable, at this revision of the store. `tookMs` counts from its `persist`. */
  committed(batch: Batch, revision: number, tookMs: number): void;
  verified(check: number): void;
  /** The term is over. Nothing more is told after this. */
  deposed(detail: string): void;
  /** A commit can never be made, and what is in memory is ahead of it for good. Nothing more is told after this. */
  refused(detail: string): void;
  /** The store stopped taking writes, or takes them again (undefined). */
  trouble(trouble: StoreTrouble | undefined): void;
}

export interface CommitterOptions {
  readonly store: TermStore;
  readonly term: number;
  readonly owner: CommitterOwner;
  /** Milliseconds of a monotonic clock. */
  readonly mono: () => number;
  readonly agenda: Agenda;
  /** Default: as they are kept, `encodeRecord`. */
  readonly encode?: ((record: StateRecord) => Uint8Array) | undefined;
}

/** First and longest wait before a failed commit or check is repeated. */
const RETRY_MS = 250;
const RETRY_CAP_MS = 1_000;

/** A commit without an answer for so long is trouble: callers are told, instead of kept waiting. */
const STALL_MS = 2_000;

interface Job {
  readonly batch: Batch;
  readonly sizeBytes: number;
  readonly sinceMono: number;
}

/** What was handed to the store and is not known to be durable. */
export interface UnderWay {
  readonly records: number;
  readonly bytes: number;
  /** Of the oldest, monotonic; undefined: nothing is under way. */
  readonly sinceMono: number | undefined;
}

export class Committer {
  readonly #options: CommitterOptions;
  readonly #jobs: Job[] = [];
  #busy = false;
  #ended = false;
  #failures = 0;
  #trouble: StoreTrouble | undefined;
  #stallTimer: Planned | undefined;
  readonly #timers = new Set<Planned>();

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  get trouble(): StoreTrouble | undefined {
    return this.#trouble;
  }

  get underWay(): UnderWay {
    let [records, bytes] = [0, 0];
    for (const { batch, sizeBytes } of this.#jobs) {
      records += batch.writes.length;
      bytes += sizeBytes;
    }
    return { records, bytes, sinceMono: this.#jobs[0]?.sinceMono };
  }

  /** Encodes the records at once: they are live objects, and the core changes them in its next step. */
  persist(commit: number, records: readonly RecordWrite[]): void {
    const { term, mono, encode = encodeRecord } = this.#options;
    const writes = records.map((write): Write => {
      return write.kind === 'put' ? { kind: 'put', key: write.key, value: encode(write.record) } : write;
    });
    const sizeBytes = writes.reduce((sum, write) => sum + (write.kind === 'put' ? write.value.byteLength : 0), 0);
    this.#jobs.push({ batch: { term, number: commit, writes }, sizeBytes, sinceMono: mono() });
    this.#next();
  }

  /** Asks, from now on, whether the term is current; asks again while the store does not answer. */
  verify(check: number): void {
    const { store, term, owner } = this.#options;
    store.verifyTerm(term).then(
      (current) => {
        if (this.#ended) return;
        if (current) owner.verified(check);
        else this.#depose('the store says that another controller leads');
      },
      () => this.#later(RETRY_MS, () => this.verify(check)),
    );
  }

  /** Drops what waits. What the store is doing now may still become durable. */
  end(): void {
    this.#ended = true;
    this.#jobs.length = 0;
    this.#stallTimer?.cancel();
    for (const timer of this.#timers) timer.cancel();
  }

  #next(): void {
    const job = this.#jobs[0];
    if (job === undefined || this.#busy || this.#ended) return;
    this.#busy = true;
    const { store, agenda } = this.#options;
    this.#stallTimer = agenda.after(STALL_MS, () => this.#stalled(job));
    store.commit(job.batch).then(
      (outcome) => this.#settle(job, outcome),
      (error: unknown) => this.#settle(job, { kind: 'unknown', detail: String(error) }),
    );
  }

  #settle(job: Job, outcome: CommitOutcome): void {
    if (this.#ended) return;
    this.#stallTimer?.cancel();
    switch (outcome.kind) {
      case 'committed':
        this.#committed(job, outcome.revision);
        break;
      case 'deposed':
        this.#depose(outcome.detail);
        break;
      case 'refused':
        this.end();
        this.#options.owner.refused(outcome.detail);
        break;
      case 'failed':
        this.#setTrouble({ reason: outcome.reason, detail: outcome.detail });
        this.#repeat();
        break;
      case 'unknown':
        this.#setTrouble({ reason: 'STORE_UNAVAILABLE', detail: outcome.detail });
        this.#findOut(job);
        break;
    }
  }

  #committed(job: Job, revision: number): void {
    const { owner, mono } = this.#options;
    assert(this.#jobs.shift() === job, 'commits end in order');
    this.#busy = false;
    this.#failures = 0;
    this.#setTrouble(undefined);
    owner.committed(job.batch, revision, mono() - job.sinceMono);
    this.#next();
  }

  #stalled(job: Job): void {
    // After a pause of this process the answer may stand in a socket: that is read first.
    this.#options.agenda.atTurnEnd(() => {
      if (this.#jobs[0] !== job || !this.#busy || this.#trouble !== undefined) return;
      this.#setTrouble({ reason: 'STORE_UNAVAILABLE', detail: `no answer to a commit for ${STALL_MS / 1000} s` });
    });
  }

  /** After an unknown outcome: nothing leaves before it is known whether the batch is in the store. */
  #findOut(job: Job): void {
    const { store, term } = this.#options;
    store.lastCommit(term).then(
      (last) => {
        if (this.#ended) return;
        // Its own revision is not known; watchers only need one that is not lower.
        if (last === job.batch.number) this.#committed(job, 0);
        else if (last === job.batch.number - 1) this.#repeat();
        else this.#depose(`the store is at commit ${last}, after which ${job.batch.number} can't follow`);
      },
      (error: unknown) => {
        if (error instanceof Error && 'reason' in error && error.reason === 'TERM_OVER') this.#depose(error.message);
        else this.#later(this.#backoffMs(), () => this.#findOut(job));
      },
    );
  }

  #repeat(): void {
    this.#later(this.#backoffMs(), () => {
      this.#busy = false;
      this.#next();
    });
  }

  #backoffMs(): number {
    this.#failures += 1;
    return Math.min(RETRY_CAP_MS, RETRY_MS * this.#failures);
  }

  #later(delayMs: number, action: () => void): void {
    if (this.#ended) return;
    const timer = this.#options.agenda.after(delayMs, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
  }

  #setTrouble(trouble: StoreTrouble | undefined): void {
    if (trouble?.reason === this.#trouble?.reason) return;
    this.#trouble = trouble;
    this.#options.owner.trouble(trouble);
  }

  #depose(detail: string): void {
    if (this.#ended) return;
    this.end();
    this.#options.owner.deposed(detail);
  }
}
