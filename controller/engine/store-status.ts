import type { StoreTrouble } from './committer.ts';

/** How the store keeps up. */
export interface StoreStatus {
  /** Undefined: it takes writes. */
  readonly trouble: StoreTrouble | undefined;
  /** Records changed in memory and not known to be durable. */
  readonly waitingRecords: number;
  /** Their bytes; about, of those that were not handed to the store yet. */
  readonly waitingBytes: number;
  /** How long the oldest commit has been waiting; undefined: none is. */
  readonly waitingMs: number | undefined;
}
