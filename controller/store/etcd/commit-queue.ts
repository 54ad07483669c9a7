/**
 * The commits of one leadership on their way to etcd: one after the other, each whole and at a revision of its own. One that fits is
 * a transaction of its records and the head; a larger one is staged first (staged.ts), and unfolded before the next is made.
 */
import { assertBatch, deposedBy, tooLarge } from '../batch.ts';
import type { Batch, CommitOutcome, Write } from '../store.ts';
import { cutWrites, lastOfEach, TRANSACTION } from './cut.ts';
import { isStaged, type Keys } from './keys.ts';
import { recordOps, stage, unfold } from './staged.ts';
import { deleteRangeOp, type TermWriter } from './term-writer.ts';

export interface CommitQueueOptions {
  readonly writer: TermWriter;
  readonly keys: Keys;
  readonly term: number;
  /** Aborted when the leadership is over, for whatever reason. */
  readonly over: AbortSignal;
}

interface Waiting {
  readonly batch: Batch;
  readonly settle: (outcome: CommitOutcome) => void;
}

type Setback = Exclude<CommitOutcome, { kind: 'committed' }>;

export class CommitQueue {
  readonly #options: CommitQueueOptions;
  /** Batches accepted and not yet settled, in order. */
  #queue: Waiting[] = [];
  #done = 0;
  #accepted = 0;
  /** Tries to stage a commit: each has keys of its own, so that one that was given up and comes through late does not mix with the next. */
  #attempts = 0;
  /** Writes of the last commit, while they are only staged. */
  #staged: readonly Write[] = [];
  /** What the batches that were sent without knowing of a failed one fail with, until its number is committed again. */
  #setback: Setback | undefined;
  #running: Promise<void> | undefined;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
  }

  commit(batch: Batch): Promise<CommitOutcome> {
    assertBatch(batch);
    const { term, over } = this.#options;
    const follows = batch.number <= this.#accepted + 1;
    if (this.#setback !== undefined && !follows && !over.aborted) return Promise.resolve(this.#setback);
    const refusal = deposedBy(batch, { term, number: this.#accepted }, !over.aborted) ?? tooLarge(batch);
    if (refusal !== undefined) return Promise.resolve(refusal);
    this.#setback = undefined;
    this.#accepted = batch.number;
    const { promise, resolve } = Promise.withResolvers<CommitOutcome>();
    this.#queue.push({ batch, settle: resolve });
    this.#running ??= this.#run();
    return promise;
  }

  /** Resolves when everything accepted so far is settled. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const outcome = await this.#make(next.batch);
      if (outcome.kind !== 'committed') {
        this.#failAll(outcome);
        break;
      }
      this.#done = next.batch.number;
      this.#queue.shift();
      next.settle(outcome);
      // If it can't be done now, it is done before the next commit, or by the next leader.
      await this.#unfold();
    }
    this.#running = undefined;
  }

  async #make({ term, number, writes: all }: Batch): Promise<CommitOutcome> {
    const { writer, keys } = this.#options;
    const unfolded = await this.#unfold();
    if (unfolded !== undefined && unfolded.kind !== 'committed') return unfolded;
    const writes = lastOfEach(all);
    if (cutWrites(writes, TRANSACTION).length === 1) {
      return writer.write(recordOps(keys, writes), { term, number, form: 'whole' });
    }
    this.#attempts += 1;
    const outcome = await stage(writer, keys, { term, number, attempt: this.#attempts }, writes);
    if (outcome.kind === 'committed') this.#staged = writes;
    // It is nothing to anybody, and takes space that may be wanting. If it can't be done now, the next unfolding or leader does it.
    if (outcome.kind === 'failed' || outcome.kind === 'refused') await writer.write([deleteRangeOp(keys.staged)]);
    return outcome;
  }

  async #unfold(): Promise<CommitOutcome | undefined> {
    const { writer, keys } = this.#options;
    const { head } = writer;
    if (!isStaged(head)) return undefined;
    const outcome = await unfold(writer, keys, head, this.#staged);
    if (outcome.kind === 'committed') this.#staged = [];
    return outcome;
  }

  /** Everything behind a failed batch shares its outcome. The caller may commit again from the last one done. */
  #failAll(setback: Setback): void {
    const failed = this.#queue;
    this.#queue = [];
    this.#accepted = this.#done;
    this.#setback = setback;
    for (const { settle } of failed) settle(setback);
  }
}
