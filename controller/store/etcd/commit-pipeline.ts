/**
 * The commits of one leadership on their way to etcd.
 *
 * Batches become transactions (parts.ts), of which a few are under way at once. Each compares the term and the position that the
 * one before it leaves, so they take effect in order however the network delivers them:
 * - one that arrives too early changes nothing and is sent again after its predecessor;
 * - one whose answer is lost is sent again as it is. If the first try was done, the comparison fails, and the position that the
 *   answer brings along says that it was: "unknown" is resolved by the store itself for as long as the leadership lasts.
 */
import { assert } from '../../../shared/assert.ts';
import { KV, type TxnResponse } from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import { assertBatch, deposedBy } from '../batch.ts';
import type { Batch, CommitOutcome } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { deleteOp, keyRead, ledSince, putOp, readOp, valueIs } from './election.ts';
import { EtcdFault, toStoreError } from './fault.ts';
import { headText, isAtLeast, type Keys, type Position, parseHead, START } from './keys.ts';
import { type Decision, decisionsOf, oversize, type Part, takePart } from './parts.ts';

/** Transactions under way at once: enough to share etcd's fsyncs, few enough to make grouping worth while. */
const WINDOW = 8;

export interface PipelineOptions {
  readonly client: EtcdClient;
  readonly keys: Keys;
  readonly term: number;
  readonly createRevision: bigint;
  /** Aborted when the leadership is over, for whatever reason. */
  readonly over: AbortSignal;
  /** Called when the store says that it is over. */
  readonly lose: (reason: string) => void;
}

interface Waiting {
  readonly number: number;
  readonly settle: (outcome: CommitOutcome) => void;
}

type Trouble = Exclude<CommitOutcome, { kind: 'committed' }>;

export class CommitPipeline {
  readonly #options: PipelineOptions;
  readonly #queue: Decision<Waiting>[] = [];
  /** Batches accepted and not yet settled, in order. */
  readonly #unsettled = new Set<Waiting>();
  /** Position after everything that was sent, and after what is known to be done. */
  #sent: Position = START;
  #done: Position = START;
  #accepted = 0;
  #underWay = 0;
  #last: Promise<CommitOutcome> = Promise.resolve({ kind: 'committed', revision: 0 });
  /** Why nothing is sent until all that is under way has come back. */
  #trouble: Trouble | undefined;
  /** What the batches up to the next good one fail with. */
  #setback: Trouble | undefined;
  #scheduled = false;
  #idle = Promise.withResolvers<void>();

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#idle.resolve();
  }

  commit(batch: Batch): Promise<CommitOutcome> {
    assertBatch(batch);
    const { term, over } = this.#options;
    if (this.#trouble !== undefined) return Promise.resolve(this.#trouble);
    // Sent without knowing of the one before it that failed, which may still be sent again.
    if (this.#setback !== undefined && batch.number > this.#accepted + 1) return Promise.resolve(this.#setback);
    const refusal = deposedBy(batch, { term, number: this.#accepted }, !over.aborted);
    if (refusal !== undefined) return Promise.resolve(refusal);
    const { promise, resolve } = Promise.withResolvers<CommitOutcome>();
    const waiting = { number: batch.number, settle: resolve };
    const decisions = decisionsOf(waiting, batch);
    const tooLarge = decisions.map(oversize).find((problem) => problem !== undefined);
    if (tooLarge !== undefined) {
      return Promise.resolve({ kind: 'failed', reason: 'STORE_UNAVAILABLE', detail: tooLarge });
    }
    if (this.#unsettled.size === 0) this.#idle = Promise.withResolvers();
    this.#setback = undefined;
    this.#accepted = batch.number;
    this.#unsettled.add(waiting);
    this.#queue.push(...decisions);
    this.#schedule();
    return promise;
  }

  /** Resolves when everything accepted so far is settled. */
  idle(): Promise<void> {
    return this.#idle.promise;
  }

  /** After the I/O of this turn of the event loop, so that what arrived together goes together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#send();
    });
  }

  #send(): void {
    while (this.#queue.length > 0 && this.#underWay < WINDOW && this.#trouble === undefined) {
      const part = takePart(this.#queue, this.#sent);
      this.#sent = part.to;
      this.#underWay += 1;
      this.#last = this.#follow(part, this.#last);
    }
  }

  /** Takes one part to its end and settles what it completes, in the order of the parts. */
  async #follow(part: Part<Waiting>, before: Promise<CommitOutcome>): Promise<CommitOutcome> {
    const own = await this.#drive(part, before);
    const previous = await before;
    const outcome = previous.kind === 'committed' ? own : previous;
    this.#underWay -= 1;
    if (outcome.kind === 'committed') {
      this.#done = part.to;
      for (const waiting of part.completes) this.#settle(waiting, outcome);
    } else {
      this.#trouble ??= outcome;
    }
    if (this.#trouble !== undefined && this.#underWay === 0) this.#startOver(this.#trouble);
    this.#send();
    return outcome;
  }

  /** Everything behind the trouble shares it. From the last position done, the caller may commit again. */
  #startOver(trouble: Trouble): void {
    this.#queue.length = 0;
    this.#sent = this.#done;
    this.#accepted = this.#done.number;
    this.#last = Promise.resolve({ kind: 'committed', revision: 0 });
    this.#trouble = undefined;
    this.#setback = trouble;
    for (const waiting of this.#unsettled) this.#settle(waiting, trouble);
  }

  #settle(waiting: Waiting, outcome: CommitOutcome): void {
    this.#unsettled.delete(waiting);
    waiting.settle(outcome);
    if (this.#unsettled.size === 0) this.#idle.resolve();
  }

  /** Sends a part until it is known what became of it. */
  async #drive(part: Part<Waiting>, before: Promise<CommitOutcome>): Promise<CommitOutcome> {
    const { client, keys, term, createRevision, over, lose } = this.#options;
    const request = {
      compare: [ledSince(keys, createRevision), valueIs(keys.head, headText(term, part.from))],
      success: [
        putOp(keys.head, headText(term, part.to)),
        ...part.writes.map((write) => {
          const key = keys.record(write.key);
          return write.kind === 'put' ? putOp(key, write.value) : deleteOp(key);
        }),
      ],
      failure: [readOp(keys.leader), readOp(keys.head)],
    };
    // Whether an earlier try may have been done, or may still be.
    let open = false;
    while (!over.aborted) {
      try {
        const response = await client.attempt(KV.method.txn, request, over);
        if (response.succeeded) return { kind: 'committed', revision: Number(response.header?.revision ?? 0n) };
        const verdict = judge(response, part, { keys, term, createRevision, open });
        if (verdict !== 'early') {
          if (verdict.kind !== 'committed') lose(verdict.detail);
          return verdict;
        }
        const previous = await before;
        if (previous.kind !== 'committed') return previous;
      } catch (error) {
        if (!(error instanceof EtcdFault) && !over.aborted) throw error;
        const fault = error instanceof EtcdFault ? error : undefined;
        if (fault === undefined || fault.kind === 'unknown') open = true;
        else if (fault.kind !== 'busy') return this.#refused(fault, open);
        await client.pause(over).catch(() => {});
      }
    }
    const detail = `term ${term} ended before the answer came`;
    return open ? { kind: 'unknown', detail } : { kind: 'deposed', detail };
  }

  #refused(fault: EtcdFault, open: boolean): CommitOutcome {
    const error = toStoreError(fault);
    const detail = error instanceof Error ? error.message : fault.message;
    if (!open) {
      return { kind: 'failed', reason: fault.kind === 'full' ? 'STORE_FULL' : 'STORE_UNAVAILABLE', detail };
    }
    // This try was refused, but an earlier one may be done, now or later. The next leader will see which.
    this.#options.lose(detail);
    return { kind: 'unknown', detail };
  }
}

interface Standing {
  readonly keys: Keys;
  readonly term: number;
  readonly createRevision: bigint;
  readonly open: boolean;
}

/** What a comparison that failed means, by the leader key and the position that were read in the same revision. */
function judge(response: TxnResponse, part: Part<unknown>, standing: Standing): CommitOutcome | 'early' {
  const { term, createRevision, open } = standing;
  const leads = keyRead(response, 0)?.createRevision === createRevision;
  const found = keyRead(response, 1);
  const head = parseHead(found?.value);
  if (head.term === term && isAtLeast(head, part.to)) {
    return { kind: 'committed', revision: Number(found?.modRevision ?? 0n) };
  }
  if (leads && head.term === term) {
    const gap = `the store is at commit ${head.number}.${head.part} of term ${term}, behind ${part.from.number}`;
    assert(!isAtLeast(head, part.from), `${gap}, and yet refused the next`);
    return 'early';
  }
  const detail = `term ${term} is over; somebody else leads, or nobody`;
  // A later leader has overwritten the position, so a try that is still open can't be told any more.
  return open && head.term !== term ? { kind: 'unknown', detail } : { kind: 'deposed', detail };
}
