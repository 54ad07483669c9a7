/**
 * Makes commits of a good size out of a storm. Once as much waits for the store as makes one, further mail waits for the commit
 * under way; but not for long, for a store that is slow or takes no writes must not keep heartbeats from being granted.
 */

/** How long mail waits for the commit under way. */
export const PACE_MS = 250;

/** Bytes that make a commit of a good size, whatever their number: etcd stages and unfolds a few transactions for them. */
export const BYTES_PER_COMMIT = 4 * 1024 * 1024;

/** What waits for the next commit. Bytes are approximate. */
export interface Pending {
  readonly pendingRecords: number;
  readonly pendingBytes: number;
}

export class Pacer {
  readonly #recordsPerCommit: number;
  /** Since when mail waits. */
  #sinceMono: number | undefined;

  constructor(recordsPerCommit: number) {
    this.#recordsPerCommit = recordsPerCommit;
  }

  /** Whether one more event may be stepped, with so much waiting. What one event writes is never cut. */
  mayStep({ pendingRecords, pendingBytes }: Pending, nowMono: number): boolean {
    if (pendingRecords < this.#recordsPerCommit && pendingBytes < BYTES_PER_COMMIT) {
      this.#sinceMono = undefined;
      return true;
    }
    this.#sinceMono ??= nowMono;
    return nowMono - this.#sinceMono >= PACE_MS;
  }
}
