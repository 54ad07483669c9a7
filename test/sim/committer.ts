/**
 * Commits and checks of one term, after the rules of controller/engine/committer.ts: one commit under way, in order; one that fails is
 * repeated; after an unknown outcome the number of the last commit is asked for before anything else leaves.
 */
import type { BatchFacts } from './checks/ledger.ts';
import type { EventQueue } from './event-queue.ts';
import { piecesOf } from './staged-records.ts';
import type { SimBatch, SimOutcome, SimStore, SimWrite, StorePath } from './store.ts';

export interface CommitterOptions {
  readonly store: SimStore;
  readonly path: StorePath;
  readonly term: number;
  readonly queue: EventQueue;
  /** Hands an answer to the controller: now, after its pause, or never. */
  readonly take: (act: () => void) => void;
  /** `begunAt`: when the commit or check was handed to the store. */
  readonly onCommitted: (commit: number, begunAt: number) => void;
  readonly onVerified: (check: number, begunAt: number) => void;
  readonly onDeposed: (detail: string) => void;
}

const RETRY_MS = 250;

type Pieces = ReturnType<typeof piecesOf>;

export class SimCommitter {
  readonly #options: CommitterOptions;
  readonly #jobs: SimBatch[] = [];
  /** Tries to stage a commit. */
  #attempts = 0;
  #busy = false;
  #ended = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  persist(commit: number, writes: readonly SimWrite[], facts: BatchFacts): void {
    this.#jobs.push({ term: this.#options.term, number: commit, writes, facts });
    this.#next();
  }

  verify(check: number): void {
    const { store, path, term, queue, onVerified } = this.#options;
    const begunAt = queue.now;
    this.#ask(
      () => store.holds(term),
      (current) => {
        if (current) onVerified(check, begunAt);
        else this.#depose('the store says that another controller leads');
      },
      () => this.#later(RETRY_MS, () => this.verify(check)),
      path,
    );
  }

  end(): void {
    this.#ended = true;
    this.#jobs.length = 0;
  }

  #next(): void {
    const job = this.#jobs[0];
    if (job === undefined || this.#busy || this.#ended) return;
    const { store, path, queue } = this.#options;
    this.#busy = true;
    const pieces = piecesOf(job.writes, store.maxWrites);
    if (pieces.length > 1) {
      this.#attempts += 1;
      this.#stage(job, this.#attempts, 0, pieces);
      return;
    }
    const begunAt = queue.now;
    this.#ask(
      () => store.commit(job),
      (outcome) => this.#settle(job, outcome, begunAt),
      () => this.#findOut(job),
      path,
    );
  }

  /** Piece by piece; only the last one moves the head, so any other is simply sent again. */
  #stage(job: SimBatch, attempt: number, index: number, pieces: Pieces): void {
    const { store, path, queue } = this.#options;
    const begunAt = queue.now;
    const isLast = index === pieces.length - 1;
    this.#ask(
      () => store.stage(job, attempt, index, pieces),
      (outcome) => {
        if (outcome.kind !== 'committed') this.#settle(job, outcome, begunAt);
        else if (isLast) this.#committed(job, begunAt);
        else this.#stage(job, attempt, index + 1, pieces);
      },
      () => {
        if (isLast) this.#findOut(job);
        else this.#later(RETRY_MS, () => this.#stage(job, attempt, index, pieces));
      },
      path,
    );
  }

  /** It is committed. Before the next commit, it goes from where it was staged into its records. */
  #unfold(job: SimBatch, index: number, pieces: Pieces): void {
    const { store, path } = this.#options;
    const isLast = index === pieces.length - 1;
    this.#ask(
      () => store.unfold(job, pieces[index] ?? [], isLast),
      (outcome) => {
        if (outcome.kind === 'deposed') this.#depose(outcome.detail);
        else if (isLast) this.#done();
        else this.#unfold(job, index + 1, pieces);
      },
      () => this.#later(RETRY_MS, () => this.#unfold(job, index, pieces)),
      path,
    );
  }

  #settle(job: SimBatch, outcome: SimOutcome, begunAt: number): void {
    switch (outcome.kind) {
      case 'committed':
        this.#committed(job, begunAt);
        return;
      case 'deposed':
        this.#depose(outcome.detail);
        return;
      case 'failed':
        this.#later(RETRY_MS, () => {
          this.#busy = false;
          this.#next();
        });
    }
  }

  #committed(job: SimBatch, begunAt: number): void {
    const pieces = piecesOf(job.writes, this.#options.store.maxWrites);
    this.#options.onCommitted(job.number, begunAt);
    if (pieces.length > 1) this.#unfold(job, 0, pieces);
    else this.#done();
  }

  #done(): void {
    this.#jobs.shift();
    this.#busy = false;
    this.#next();
  }

  #findOut(job: SimBatch): void {
    const { store, path, term, queue } = this.#options;
    const begunAt = queue.now;
    this.#ask(
      () => store.lastCommit(term),
      (last) => {
        if (last === job.number) this.#committed(job, begunAt);
        else if (last === job.number - 1) {
          this.#busy = false;
          this.#next();
        } else this.#depose('its last commit is not what it should be');
      },
      () => this.#later(RETRY_MS, () => this.#findOut(job)),
      path,
    );
  }

  #ask<T>(evaluate: () => T, answered: (answer: T) => void, lost: () => void, path: StorePath): void {
    const { store, take } = this.#options;
    const unlessEnded = (act: () => void): void =>
      take(() => {
        if (!this.#ended) act();
      });
    store.request(
      path,
      evaluate,
      (answer) => unlessEnded(() => answered(answer)),
      () => unlessEnded(lost),
    );
  }

  #later(ms: number, act: () => void): void {
    const { queue, take } = this.#options;
    queue.after(ms, () =>
      take(() => {
        if (!this.#ended) act();
      }),
    );
  }

  #depose(detail: string): void {
    if (this.#ended) return;
    this.end();
    this.#options.onDeposed(detail);
  }
}
