/**
 * The commits of one leadership on their way to etcd.
 *
 * One transaction is under way at a time, and everything that arrives meanwhile shares the next one (parts.ts). More at a time were
 * tried: etcd handles the requests of one connection in any order, so they overtook each other and had to be sent again, slower
 * in the end. Each transaction compares the term and the position that the one before it left. One whose answer is lost is sent
 * again as it is; if the first try was done, the comparison fails, and the position that comes with the answer says that it was.
 * So the store resolves "unknown" by itself for as long as the leadership lasts.
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

export interface CommitQueueOptions {
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
  readonly settle: (outcome: CommitOutcome) => void;
}

type Setback = Exclude<CommitOutcome, { kind: 'committed' }>;

export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #queue: Decision<Waiting>[] = [];
  /** Batches accepted and not yet settled, in order. */
  readonly #unsettled = new Set<Waiting>();
  #done: Position = START;
  #accepted = 0;
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
    const refusal = deposedBy(batch, { term, number: this.#accepted }, !over.aborted);
    if (refusal !== undefined) return Promise.resolve(refusal);
    const { promise, resolve } = Promise.withResolvers<CommitOutcome>();
    const waiting = { settle: resolve };
    const decisions = decisionsOf(waiting, batch);
    const tooLarge = decisions.map(oversize).find((problem) => problem !== undefined);
    if (tooLarge !== undefined) {
      return Promise.resolve({ kind: 'failed', reason: 'STORE_UNAVAILABLE', detail: tooLarge });
    }
    this.#setback = undefined;
    this.#accepted = batch.number;
    this.#unsettled.add(waiting);
    this.#queue.push(...decisions);
    this.#running ??= this.#run();
    return promise;
  }

  /** Resolves when everything accepted so far is settled. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // After the I/O of this turn of the event loop, so that what arrived together goes together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const part = takePart(this.#queue, this.#done);
      const outcome = await this.#bringHome(part);
      if (outcome.kind === 'committed') {
        this.#done = part.to;
        for (const waiting of part.completes) this.#settle(waiting, outcome);
      } else {
        this.#failAll(outcome);
      }
    }
    this.#running = undefined;
  }

  /** Everything behind a failed part shares its outcome. The caller may commit again from the last position done. */
  #failAll(setback: Setback): void {
    this.#queue.length = 0;
    this.#accepted = this.#done.number;
    this.#setback = setback;
    for (const waiting of this.#unsettled) this.#settle(waiting, setback);
  }

  #settle(waiting: Waiting, outcome: CommitOutcome): void {
    this.#unsettled.delete(waiting);
    waiting.settle(outcome);
  }

  /** Sends a part until it is known what became of it. */
  async #bringHome(part: Part<Waiting>): Promise<CommitOutcome> {
    const { client, term, over } = this.#options;
    const request = this.#requestFor(part);
    // Whether an earlier try may have been done, or may still be.
    let open = false;
    while (!over.aborted) {
      try {
        const response = await client.attempt(KV.method.txn, request, over);
        if (response.succeeded) return { kind: 'committed', revision: Number(response.header?.revision ?? 0n) };
        return this.#judge(response, part, open);
      } catch (error) {
        const fault = error instanceof EtcdFault ? error : undefined;
        if (fault === undefined && !over.aborted) throw error;
        if (fault === undefined || fault.kind === 'unknown') open = true;
        else if (fault.kind === 'full' && !open) return this.#settleFull(fault, part);
        else if (fault.kind !== 'busy') return this.#refused(fault, open);
        await client.pause(over).catch(() => {});
      }
    }
    const detail = `term ${term} ended before the answer came`;
    return open ? { kind: 'unknown', detail } : { kind: 'deposed', detail };
  }

  /** An etcd that finds itself full while it carries a transaction out answers "no space" and has done it all the same. */
  async #settleFull(fault: EtcdFault, part: Part<Waiting>): Promise<CommitOutcome> {
    const { client, keys, term, over } = this.#options;
    try {
      const look = { compare: [], success: [readOp(keys.leader), readOp(keys.head)], failure: [] };
      const found = keyRead(await client.attempt(KV.method.txn, look, over), 1);
      const head = parseHead(found?.value);
      if (head.term !== term || !isAtLeast(head, part.to)) return this.#refused(fault, false);
      return { kind: 'committed', revision: Number(found?.modRevision ?? 0n) };
    } catch {
      return this.#refused(fault, true);
    }
  }

  #requestFor(part: Part<Waiting>) {
    const { keys, term, createRevision } = this.#options;
    const writes = part.writes.map((write) => {
      const key = keys.record(write.key);
      return write.kind === 'put' ? putOp(key, write.value) : deleteOp(key);
    });
    return {
      compare: [ledSince(keys, createRevision), valueIs(keys.head, headText(term, part.from))],
      success: [putOp(keys.head, headText(term, part.to)), ...writes],
      failure: [readOp(keys.leader), readOp(keys.head)],
    };
  }

  /** What a comparison that failed means, by the leader key and the position that were read in the same revision. */
  #judge(response: TxnResponse, part: Part<Waiting>, open: boolean): CommitOutcome {
    const { term, createRevision, lose } = this.#options;
    const leads = keyRead(response, 0)?.createRevision === createRevision;
    const found = keyRead(response, 1);
    const head = parseHead(found?.value);
    if (head.term === term && isAtLeast(head, part.to)) {
      assert(open, `commit ${head.number}.${head.part} of term ${term} was made by nobody here`);
      return { kind: 'committed', revision: Number(found?.modRevision ?? 0n) };
    }
    assert(!leads, `the store is at commit ${head.number}.${head.part} of term ${head.term}, in the middle of ${term}`);
    const detail = `term ${term} is over; somebody else leads, or nobody`;
    lose(detail);
    // A later leader has overwritten the position, so a try that is still open can't be told any more.
    return open && head.term !== term ? { kind: 'unknown', detail } : { kind: 'deposed', detail };
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
