/** Puts inventories together that come in parts: a Hello or a FullState whose `last_part` is false is followed by another one. */
import { LocumError } from '../../shared/errors.ts';
import type { FullState, Hello } from '../../shared/protocol/agent-message.ts';
import type { ReportedAttempt } from '../../shared/protocol/attempt.ts';

/** Attempts of one inventory; no host has room for as many processes. */
export const MAX_ATTEMPTS = 10_000;

type Part = Hello | FullState;

export interface Inventory<P extends Part> {
  /** Everything but its attempts counts. */
  readonly first: P;
  readonly attempts: readonly ReportedAttempt[];
}

export class AttemptParts<P extends Part> {
  #first: P | undefined;
  #attempts: ReportedAttempt[] = [];

  /** Whether further parts are expected. */
  get isOpen(): boolean {
    return this.#first !== undefined;
  }

  /** Adds a part; the last one gives the whole. @throws LocumError PROTOCOL */
  add(part: P): Inventory<P> | undefined {
    this.#first ??= part;
    this.#append(part.attempts);
    if (!part.lastPart) return undefined;
    const inventory = { first: this.#first, attempts: this.#attempts };
    this.#first = undefined;
    this.#attempts = [];
    return inventory;
  }

  #append(attempts: readonly ReportedAttempt[]): void {
    if (this.#attempts.length + attempts.length > MAX_ATTEMPTS) {
      throw new LocumError('PROTOCOL', `an inventory has at most ${MAX_ATTEMPTS} attempts`);
    }
    for (const attempt of attempts) this.#attempts.push(attempt);
  }
}
