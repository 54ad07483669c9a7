/** Every attempt that the keeper answers for: living ones, and ended ones until they are forgotten. */
import type { Attempt } from './attempt.ts';
import { attemptKey } from './journal-state.ts';

export class AttemptTable {
  private readonly attempts = new Map<string, Attempt>();
  private readonly alive = new Set<Attempt>();
  private readonly endedLimit: number;

  constructor(endedLimit: number) {
    this.endedLimit = endedLimit;
  }

  get(run: string, epoch: number | bigint): Attempt | undefined {
    return this.attempts.get(attemptKey(run, epoch));
  }

  /** `key` as of `attemptKey`. */
  has(key: string): boolean {
    return this.attempts.has(key);
  }

  add(attempt: Attempt): void {
    this.attempts.set(attempt.key, attempt);
    if (attempt.ended === undefined) this.alive.add(attempt);
  }

  /** To be called when an attempt has ended. Answers with those that are dropped because too many ended ones are kept. */
  noteEnd(attempt: Attempt): Attempt[] {
    this.alive.delete(attempt);
    const dropped: Attempt[] = [];
    let excess = this.attempts.size - this.alive.size - this.endedLimit;
    for (const candidate of this.attempts.values()) {
      if (excess <= 0) break;
      if (candidate.ended === undefined) continue;
      this.attempts.delete(candidate.key);
      dropped.push(candidate);
      excess -= 1;
    }
    return dropped;
  }

  forget(attempt: Attempt): void {
    this.attempts.delete(attempt.key);
  }

  get living(): ReadonlySet<Attempt> {
    return this.alive;
  }

  /** Oldest first. */
  all(): IterableIterator<Attempt> {
    return this.attempts.values();
  }
}
