/**
 * Makes commits of a good size out of a storm. Once as many records wait for the store as make one, further mail waits for the commit
 * under way; but not for long, for a store that is slow or takes no writes must not keep heartbeats from being granted.
 */

/** How long mail waits for the commit under way. */
export const PACE_MS = 250;

export class Pacer {
  readonly #recordsPerCommit: number;
  /** Since when mail waits. */
  #sinceMono: number | undefined;

  constructor(recordsPerCommit: number) {
    this.#recordsPerCommit = recordsPerCommit;
  }

  /** Whether one more event may be stepped, with so many records waiting. What one event writes is never cut. */
  mayStep(pendingRecords: number, nowMono: number): boolean {
    if (pendingRecords < this.#recordsPerCommit) {
      this.#sinceMono = undefined;
      return true;
    }
    this.#sinceMono ??= nowMono;
    return nowMono - this.#sinceMono >= PACE_MS;
  }
}
