/**
 * The guarded transactions of one leadership.
 *
 * One is under way at a time. More were tried: etcd handles the requests of one connection in any order, so they overtook each other
 * and had to be sent again, slower in the end. Each compares the term and the head that the one before it left. One whose answer is
 * lost is sent again as it is; if the first try was done, the comparison fails, and the head that comes with the answer says that it
 * was. So the store resolves "unknown" by itself for as long as the leadership lasts. A transaction that leaves the head as it is may
 * be done twice, and late as long as the head stands: what it writes is read by nobody before the head moves.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assert } from '../../../shared/assert.ts';
import {
  Compare_CompareTarget,
  type CompareSchema,
  KV,
  type RequestOpSchema,
  type TxnResponse,
} from '../../../shared/gen/etcdserverpb/rpc_pb.ts';
import type { KeyValue } from '../../../shared/gen/mvccpb/kv_pb.ts';
import type { CommitOutcome } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { EtcdFault, etcdStoreError } from './fault.ts';
import { decode, type EtcdHead, headText, type Keys, parseHead, type Range } from './keys.ts';
import { type HeadSeen, storeBehind } from './seen.ts';

export interface TermWriterOptions {
  /** Takes note of each head that was put. Default: nobody does. */
  readonly lineage?: { sawHead(head: HeadSeen): void };
  readonly client: EtcdClient;
  readonly keys: Keys;
  readonly term: number;
  readonly createRevision: bigint;
  /** Of the leadership. */
  readonly lease: bigint;
  /** Where the head was found. Undefined: there is none. */
  readonly head: Uint8Array | undefined;
  /** Aborted when the leadership is over, for whatever reason. */
  readonly over: AbortSignal;
  /** Called when the store says that it is over. */
  readonly lose: (reason: string) => void;
  /** How long a first try may take. Default: as for all others. */
  readonly firstTryMs?: number;
}

/** How long a transaction that must be brought home waits for space. */
const FULL_PAUSE_MS = 500;

type CompareInit = MessageInitShape<typeof CompareSchema>;
type OpInit = MessageInitShape<typeof RequestOpSchema>;

/** Holds while the leader key is the one that was created at this revision; 0: while there is none. */
export function ledSince(keys: Keys, createRevision: bigint): CompareInit {
  return {
    target: Compare_CompareTarget.CREATE,
    key: keys.leader,
    targetUnion: { case: 'createRevision', value: createRevision },
  };
}

export const valueIs = (key: Uint8Array, value: Uint8Array): CompareInit => ({
  target: Compare_CompareTarget.VALUE,
  key,
  targetUnion: { case: 'value', value },
});

export const isAbsent = (key: Uint8Array): CompareInit => ({
  target: Compare_CompareTarget.CREATE,
  key,
  targetUnion: { case: 'createRevision', value: 0n },
});

export const readOp = (key: Uint8Array): OpInit => ({ request: { case: 'requestRange', value: { key } } });

export const putOp = (key: Uint8Array, value: Uint8Array, lease = 0n): OpInit => ({
  request: { case: 'requestPut', value: { key, value, lease } },
});

export const deleteOp = (key: Uint8Array): OpInit => ({ request: { case: 'requestDeleteRange', value: { key } } });

export const deleteRangeOp = (range: Range): OpInit => ({
  request: { case: 'requestDeleteRange', value: { ...range } },
});

/** The key that the `index`th operation of a transaction read, or undefined if there is none. */
export function keyRead(response: TxnResponse, index: number): KeyValue | undefined {
  const done = response.responses[index]?.response;
  return done?.case === 'responseRange' ? done.value.kvs[0] : undefined;
}

interface Transaction {
  readonly ops: readonly OpInit[];
  /** Undefined: the head stays. */
  readonly to: EtcdHead | undefined;
}

export class TermWriter {
  readonly #options: TermWriterOptions;
  #head: Uint8Array | undefined;

  constructor(options: TermWriterOptions) {
    this.#options = options;
    this.#head = options.head;
  }

  /** Where the head is, as far as is known here. */
  get head(): EtcdHead {
    return parseHead(this.#head);
  }

  /** Does these operations in one transaction, and moves the head with it. Tries until it is known what became of it. */
  async write(ops: readonly OpInit[], to?: EtcdHead): Promise<CommitOutcome> {
    const outcome = await this.#bringHome({ ops, to });
    if (outcome.kind === 'committed' && to !== undefined) {
      this.#head = this.#textOf(to);
      this.#options.lineage?.sawHead({ revision: BigInt(outcome.revision), text: decode(this.#head) });
    }
    return outcome;
  }

  async #bringHome(transaction: Transaction): Promise<CommitOutcome> {
    const { client, term, over } = this.#options;
    const request = this.#requestFor(transaction);
    let tryMs = this.#options.firstTryMs;
    // Whether an earlier try may have moved the head, or may still.
    let open = false;
    while (!over.aborted) {
      try {
        const response = await client.attempt(KV.method.txn, request, over, tryMs);
        if (response.succeeded) return { kind: 'committed', revision: Number(response.header?.revision ?? 0n) };
        return this.#judge(response, transaction, open);
      } catch (error) {
        const fault = error instanceof EtcdFault ? error : undefined;
        if (fault === undefined && !over.aborted) throw error;
        if (fault?.kind === 'full') {
          const settled = await this.#settleFull(fault, transaction, open);
          if (settled !== undefined) return settled;
          await sleep(FULL_PAUSE_MS, undefined, { signal: over, ref: false }).catch(() => {});
        } else if (fault !== undefined && fault.kind !== 'unknown' && fault.kind !== 'busy') {
          return this.#refused(fault, open);
        }
        open ||= fault?.kind !== 'busy' && transaction.to !== undefined;
        tryMs = undefined;
        await client.pause(over).catch(() => {});
      }
    }
    const detail = `term ${term} ended before the answer came`;
    return open ? { kind: 'unknown', detail } : { kind: 'deposed', detail };
  }

  #requestFor({ ops, to }: Transaction) {
    const { keys, createRevision } = this.#options;
    const at = this.#head === undefined ? isAbsent(keys.head) : valueIs(keys.head, this.#head);
    return {
      compare: [ledSince(keys, createRevision), at],
      success: to === undefined ? [...ops] : [putOp(keys.head, this.#textOf(to)), ...ops],
      failure: [readOp(keys.leader), readOp(keys.head)],
    };
  }

  /** What a comparison that failed means, by the leader key and the head that were read in the same revision. */
  #judge(response: TxnResponse, { to }: Transaction, open: boolean): CommitOutcome {
    const { client, term, createRevision, lose } = this.#options;
    const leads = keyRead(response, 0)?.createRevision === createRevision;
    const found = keyRead(response, 1);
    if (found !== undefined && to !== undefined && this.#isAt(found, to)) {
      assert(open, `commit ${to.number} of term ${term} was made by nobody here`);
      return { kind: 'committed', revision: Number(found.modRevision) };
    }
    const head = parseHead(found?.value);
    if (leads) {
      // Nobody but us moves the head while we lead; what we left there is gone.
      const here = parseHead(this.#head);
      client.close(
        storeBehind(`It was at commit ${here.number} of term ${term}, and is at ${head.number} of ${head.term}`),
      );
    }
    const detail = `term ${term} is over; somebody else leads, or nobody`;
    lose(detail);
    // A later leader has overwritten the head, or it was set back, so a try that is still open can't be told any more.
    return open && (leads || head.term !== term) ? { kind: 'unknown', detail } : { kind: 'deposed', detail };
  }

  /**
   * An etcd that finds itself full while it carries a transaction out answers "no space" and has done it all the same; and an earlier try
   * that is `open` may still be done. Undefined: not known yet. To give the lead up for that would leave nobody: a full etcd elects none.
   */
  async #settleFull(fault: EtcdFault, { to }: Transaction, open: boolean): Promise<CommitOutcome | undefined> {
    const { client, keys, over } = this.#options;
    if (to === undefined) return this.#refused(fault, false);
    try {
      const look = { compare: [], success: [readOp(keys.leader), readOp(keys.head)], failure: [] };
      const found = keyRead(await client.attempt(KV.method.txn, look, over), 1);
      if (found !== undefined && this.#isAt(found, to)) {
        return { kind: 'committed', revision: Number(found.modRevision) };
      }
      return open ? undefined : this.#refused(fault, false);
    } catch {
      return undefined;
    }
  }

  #refused(fault: EtcdFault, open: boolean): CommitOutcome {
    const error = etcdStoreError(fault);
    const detail = error instanceof Error ? error.message : fault.message;
    if (!open) {
      // Repeating it would keep everything else waiting for ever.
      if (fault.kind === 'too_large') return { kind: 'refused', detail };
      return { kind: 'failed', reason: fault.kind === 'full' ? 'STORE_FULL' : 'STORE_UNAVAILABLE', detail };
    }
    // This try was refused, but an earlier one may be done, now or later. The next leader will see which.
    this.#options.lose(detail);
    return { kind: 'unknown', detail };
  }

  #textOf(head: EtcdHead): Uint8Array<ArrayBuffer> {
    return headText(head, this.#options.lease);
  }

  #isAt(found: KeyValue, head: EtcdHead): boolean {
    return decode(found.value) === decode(this.#textOf(head));
  }
}
