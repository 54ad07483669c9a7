/**
 * One leader's handle on the simulated store, as the stores of the project are one: requests go out and come back late or never, and a
 * commit that does not fit into one transaction is staged, named and unfolded (controller/store/etcd/commit-queue.ts, ADR 0010).
 */
import type { Agenda } from '../../controller/engine/agenda.ts';
import {
  type Batch,
  type CommitOutcome,
  type Snapshot,
  StoreError,
  type TermStore,
} from '../../controller/store/store.ts';
import { Answer } from './answer.ts';
import type { BatchFacts } from './checks/ledger.ts';
import type { EventQueue } from './event-queue.ts';
import { piecesOf } from './staged-records.ts';
import type { SimBatch, SimStore, StorePath } from './store.ts';

export interface StoreClientOptions {
  readonly cluster: SimStore;
  readonly path: StorePath;
  readonly queue: EventQueue;
  /** Of the process. */
  readonly agenda: Agenda;
  /** Hands something to the operating system: now, or when a pause in the middle of a turn is over. */
  readonly handOut: (act: () => void) => void;
  /** Hands an answer to the process: now, after its pause, or never. */
  readonly take: (act: () => void) => void;
  readonly factsOf: (commit: number) => BatchFacts;
  /** The term stood when something was done that was handed to the store at this true time. */
  readonly onCovered: (begunAt: number) => void;
}

const RETRY_MS = 250;
const LOAD_TIMEOUT_MS = 5_000;
const UNKNOWN: CommitOutcome = { kind: 'unknown', detail: 'no answer' };

/** A commit on its way in pieces. */
interface Staging {
  readonly batch: SimBatch;
  readonly pieces: ReturnType<typeof piecesOf>;
  /** Each try has keys of its own. */
  readonly attempt: number;
  readonly settle: (outcome: CommitOutcome) => void;
}

export class StoreClient implements TermStore {
  readonly #options: StoreClientOptions;
  #attempts = 0;
  #ended = false;
  /** The head names it, or may do so; its records are not what they will be. */
  #staged: Staging | undefined;
  #unfolding = false;
  /** What waits for the end of an unfolding. */
  #waiting: (() => void) | undefined;

  constructor(options: StoreClientOptions) {
    this.#options = options;
  }

  load(): Answer<Snapshot> {
    const { cluster } = this.#options;
    return this.#promise(
      () => cluster.load(),
      () => false,
      LOAD_TIMEOUT_MS,
    );
  }

  verifyTerm(term: number): Answer<boolean> {
    const { cluster } = this.#options;
    return this.#promise(
      () => cluster.holds(term),
      (current) => current,
    );
  }

  lastCommit(term: number): Answer<number> {
    const { cluster } = this.#options;
    return this.#promise(
      () => cluster.lastCommit(term),
      (last) => last !== undefined,
    ).then((last) => {
      if (last === undefined) throw new StoreError('TERM_OVER', `term ${term} is over`);
      return last;
    });
  }

  commit(batch: Batch): Answer<CommitOutcome> {
    const { queue, factsOf } = this.#options;
    const answer = new Answer<CommitOutcome>(queue);
    const own = { ...batch, facts: factsOf(batch.number) };
    const make = (): void => this.#make(own, (outcome) => answer.keep(outcome));
    // Committed again: then the head does not name it.
    if (this.#staged?.batch.number === batch.number) this.#staged = undefined;
    if (this.#staged === undefined) make();
    else {
      this.#waiting = make;
      this.#unfoldSoon();
    }
    return answer;
  }

  /** The leadership is over, and nothing more is done for it. */
  end(): void {
    this.#ended = true;
  }

  #make(batch: SimBatch, settle: (outcome: CommitOutcome) => void): void {
    const { cluster } = this.#options;
    const pieces = piecesOf(batch.writes, cluster.maxWrites);
    if (pieces.length === 1) {
      const lost = (): void => settle(UNKNOWN);
      this.#ask(() => cluster.commit(batch), settle, lost, { proves: isCommitted });
      return;
    }
    this.#attempts += 1;
    this.#stage({ batch, pieces, attempt: this.#attempts, settle }, 0);
  }

  /** Piece by piece; only the last one moves the head, so any other is simply sent again. */
  #stage(staging: Staging, index: number): void {
    const { cluster, agenda } = this.#options;
    const { batch, pieces, attempt, settle } = staging;
    const isLast = index === pieces.length - 1;
    if (isLast) this.#staged = staging;
    this.#ask(
      () => cluster.stage(batch, attempt, index, pieces),
      (outcome) => {
        if (outcome.kind === 'committed' && !isLast) return this.#stage(staging, index + 1);
        settle(outcome);
        if (outcome.kind === 'committed') this.#unfoldSoon();
        else if (isLast) this.#staged = undefined;
      },
      () => {
        if (isLast) settle(UNKNOWN);
        else agenda.after(RETRY_MS, () => this.#stage(staging, index));
      },
      { proves: isCommitted },
    );
  }

  /** It is committed. Before the next commit, it goes from where it was staged into its records. */
  #unfoldSoon(): void {
    if (this.#unfolding || this.#staged === undefined) return;
    this.#unfolding = true;
    this.#unfold(this.#staged, 0);
  }

  #unfold(staging: Staging, index: number): void {
    const { cluster, agenda } = this.#options;
    const { batch, pieces } = staging;
    const isLast = index === pieces.length - 1;
    this.#ask(
      () => cluster.unfold(batch, pieces[index] ?? [], isLast),
      ({ kind }) => {
        if (kind === 'committed' && !isLast) this.#unfold(staging, index + 1);
        else this.#unfolded();
      },
      () => agenda.after(RETRY_MS, () => this.#unfold(staging, index)),
      { proves: isCommitted },
    );
  }

  /** Or the term is over, which the next commit will find out. */
  #unfolded(): void {
    this.#unfolding = false;
    this.#staged = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  #promise<T>(evaluate: () => T, proves: (answer: T) => boolean, timeoutMs?: number): Answer<T> {
    const answer = new Answer<T>(this.#options.queue);
    const lost = (): void => answer.break(new StoreError('STORE_UNAVAILABLE', 'no answer'));
    this.#ask(evaluate, (value) => answer.keep(value), lost, { proves, timeoutMs });
    return answer;
  }

  /** `proves`: whether an answer says that the term stands. */
  #ask<T>(
    evaluate: () => T,
    answered: (answer: T) => void,
    lost: () => void,
    { proves, timeoutMs }: { readonly proves: (answer: T) => boolean; readonly timeoutMs?: number | undefined },
  ): void {
    const { cluster, path, queue, handOut, take, onCovered } = this.#options;
    const unlessEnded = (act: () => void): void =>
      take(() => {
        if (!this.#ended) act();
      });
    handOut(() => {
      const begunAt = queue.now;
      const hear = (answer: T): void => {
        if (proves(answer)) onCovered(begunAt);
        answered(answer);
      };
      const [heard, unheard] = [(answer: T) => unlessEnded(() => hear(answer)), () => unlessEnded(lost)];
      cluster.request(path, evaluate, heard, unheard, timeoutMs);
    });
  }
}

const isCommitted = ({ kind }: CommitOutcome): boolean => kind === 'committed';
