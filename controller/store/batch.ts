/** What every store checks of a batch before it looks at its own state: a batch that fails here is a defect of the caller. */
import { assert } from '../../shared/assert.ts';
import { LIMITS } from '../../shared/limits.ts';
import type { Batch, CommitOutcome } from './store.ts';

/** UTF-8 bytes. Room for a namespace prefix is left below etcd's own limits. */
export const MAX_KEY_BYTES = 1024;
/** The largest value of a record, so that whatever one store holds fits into every other. */
export const MAX_VALUE_BYTES = LIMITS.recordBytes;

/** Where a store stands: the newest election and the last batch committed in its term. All counters start at 0. */
export interface Head {
  readonly term: number;
  readonly number: number;
  readonly revision: number;
}

/** What a commit was refused with, for those that were sent after it without knowing. */
export interface Setback {
  readonly term: number;
  readonly number: number;
  readonly outcome: Extract<CommitOutcome, { kind: 'failed' | 'unknown' }>;
}

/** Asserts what the types cannot say. Keys are not empty, well-formed and without NUL, so that every store orders them alike. */
export function assertBatch(batch: Batch): void {
  assert(Number.isSafeInteger(batch.term) && batch.term > 0, `term ${batch.term} is not a positive integer`);
  assert(Number.isSafeInteger(batch.number) && batch.number > 0, `commit ${batch.number} is not a positive integer`);
  for (const { key } of batch.writes) assertKey(key);
}

/** Why no store takes a batch, or undefined when all do. */
export function tooLarge(batch: Batch): Extract<CommitOutcome, { kind: 'refused' }> | undefined {
  for (const write of batch.writes) {
    if (write.kind === 'delete' || write.value.byteLength <= MAX_VALUE_BYTES) continue;
    const detail = `${write.key} would be ${write.value.byteLength} bytes; the store takes ${MAX_VALUE_BYTES} for a record`;
    return { kind: 'refused', detail };
  }
  return undefined;
}

function assertKey(key: string): void {
  const fits = key !== '' && key.isWellFormed() && !key.includes('\0');
  assert(fits && Buffer.byteLength(key) <= MAX_KEY_BYTES, `${JSON.stringify(key.slice(0, 80))} is not a key`);
}

/**
 * The guard of a commit: the reason why this batch may not follow `head`, or undefined when it may.
 * `leading` says whether the newest term is still held; a term that was resigned is over as well.
 */
export function deposedBy(
  batch: Batch,
  head: Pick<Head, 'term' | 'number'>,
  leading: boolean,
): Extract<CommitOutcome, { kind: 'deposed' }> | undefined {
  if (batch.term !== head.term || !leading) {
    return { kind: 'deposed', detail: `term ${batch.term} is over; the newest is ${head.term}` };
  }
  if (batch.number !== head.number + 1) {
    return { kind: 'deposed', detail: `commit ${batch.number} does not follow ${head.number}, the last one made` };
  }
  return undefined;
}

/** Orders keys by their UTF-8 bytes, as SQLite and etcd do; JavaScript's own order differs past U+FFFF. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
