/**
 * Cuts batches into transactions that etcd takes: at most 128 operations and 1.5 MiB each, no key twice, cut only between
 * decisions. Several small batches share one; a large one takes several.
 */
import type { Batch, Write } from '../store.ts';
import type { Position } from './keys.ts';

/** etcd's `--max-txn-ops` is 128; one of them is the position. */
export const MAX_WRITES = 127;
/** etcd's `--max-request-bytes` is 1.5 MiB, keys and framing included. */
export const MAX_BYTES = 1_500_000;
/** What a write costs besides its key and value: framing and the prefix of its key, generously. */
const OVERHEAD_BYTES = 256;

export interface Decision<B> {
  readonly owner: B;
  readonly batchNumber: number;
  readonly writes: readonly Write[];
  readonly sizeBytes: number;
  /** It completes its batch. */
  readonly isLast: boolean;
}

export interface Part<B> {
  readonly from: Position;
  readonly to: Position;
  /** One for each key: the last one wins. */
  readonly writes: readonly Write[];
  /** Owners of the batches that this part completes. */
  readonly completes: readonly B[];
}

/** The decisions of a batch in order; one without writes for a batch that has none. */
export function decisionsOf<B>(owner: B, { number, writes, decisions }: Batch): Decision<B>[] {
  const starts = decisions.length === 0 ? [0] : decisions;
  return starts.map((start, i) => {
    const own = writes.slice(start, starts[i + 1] ?? writes.length);
    const isLast = i === starts.length - 1;
    return { owner, batchNumber: number, writes: own, sizeBytes: sizeOf(own), isLast };
  });
}

/** Why a decision fits into no transaction, or undefined when it does. */
export function oversize(decision: Decision<unknown>): string | undefined {
  const keys = new Set(decision.writes.map((write) => write.key)).size;
  if (keys > MAX_WRITES) return `one decision writes ${keys} keys; etcd takes ${MAX_WRITES} at once`;
  if (decision.sizeBytes <= MAX_BYTES) return undefined;
  return `one decision writes ${decision.sizeBytes} bytes; etcd takes ${MAX_BYTES} at once`;
}

/** Takes as many decisions as fit from the front of the queue, at least one. */
export function takePart<B>(queue: Decision<B>[], from: Position): Part<B> {
  const writes = new Map<string, Write>();
  const completes: B[] = [];
  let sizeBytes = 0;
  let to = from;
  let taken = 0;
  for (const decision of queue) {
    if (taken > 0 && sizeBytes + decision.sizeBytes > MAX_BYTES) break;
    const added = decision.writes.filter((write) => !writes.has(write.key));
    if (taken > 0 && writes.size + added.length > MAX_WRITES) break;
    for (const write of decision.writes) {
      // Deleted first, so that the order of the writes is that of the ones that win.
      writes.delete(write.key);
      writes.set(write.key, write);
    }
    sizeBytes += decision.sizeBytes;
    taken += 1;
    if (!decision.isLast) continue;
    completes.push(decision.owner);
    to = { number: decision.batchNumber, part: 0 };
  }
  const endsInside = queue[taken - 1]?.isLast === false;
  // Counts on from `from` while in the same batch, also when that batch is sent again after a part of it was made.
  if (endsInside) to = { number: to.number, part: to === from ? from.part + 1 : 1 };
  queue.splice(0, taken);
  return { from, to, writes: [...writes.values()], completes };
}

function sizeOf(writes: readonly Write[]): number {
  let sizeBytes = 0;
  for (const write of writes) {
    sizeBytes += OVERHEAD_BYTES + Buffer.byteLength(write.key) + (write.kind === 'put' ? write.value.byteLength : 0);
  }
  return sizeBytes;
}
