/** Cuts the writes of a commit into pieces that etcd takes at once. */
import type { Write } from '../store.ts';

/** etcd's `--max-txn-ops` is 128; one of them is the head, and one may be the removal of what was staged. */
export const MAX_WRITES = 126;
/** etcd's `--max-request-bytes` is 1.5 MiB, keys and framing included. The largest single write fits (see `MAX_VALUE_BYTES`). */
export const MAX_BYTES = 1_400_000;
/** What a write costs besides its key and value: framing and the prefix of its key, generously. */
const OVERHEAD_BYTES = 256;

/** A piece for one transaction. */
export const TRANSACTION = { maxWrites: MAX_WRITES, maxBytes: MAX_BYTES };
/** A piece for the value of one key. */
export const CHUNK = { maxWrites: Infinity, maxBytes: MAX_BYTES };

/** The write that wins for each key, in the order of the batch: etcd takes no key twice. */
export function lastOfEach(writes: readonly Write[]): Write[] {
  const last = new Map<string, Write>();
  for (const write of writes) {
    // Deleted first, so that the order is that of the writes that win.
    last.delete(write.key);
    last.set(write.key, write);
  }
  return [...last.values()];
}

/** Consecutive pieces of at least one write each; one piece without writes for a batch that has none. */
export function cutWrites(writes: readonly Write[], limits: { maxWrites: number; maxBytes: number }): Write[][] {
  let piece: Write[] = [];
  const pieces = [piece];
  let pieceBytes = 0;
  for (const write of writes) {
    const sizeBytes = sizeOf(write);
    const full = piece.length === limits.maxWrites || pieceBytes + sizeBytes > limits.maxBytes;
    if (full && piece.length > 0) {
      piece = [];
      pieces.push(piece);
      pieceBytes = 0;
    }
    piece.push(write);
    pieceBytes += sizeBytes;
  }
  return pieces;
}

function sizeOf(write: Write): number {
  return OVERHEAD_BYTES + Buffer.byteLength(write.key) + (write.kind === 'put' ? write.value.byteLength : 0);
}
