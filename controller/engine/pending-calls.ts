/** Calls that were handed to the core and wait for its answer. */
import { LocumError } from '../../shared/errors.ts';
import type { CallId, CallResult, CallValue } from '../core/cluster/event.ts';

/** Calls under way at once; more are refused. Each holds its arguments in memory until the core has answered. */
const MAX_CALLS = 10_000;

/** Whoever waits for the answer to a call. One of the two is called, once. */
export interface Caller {
  readonly resolve: (value: CallValue) => void;
  readonly reject: (error: LocumError) => void;
}

export class PendingCalls {
  readonly #waiting = new Map<CallId, Caller>();
  #last: CallId = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** @throws LocumError OVERLOADED */
  open(caller: Caller): CallId {
    if (this.#waiting.size >= MAX_CALLS) throw overloaded(`${MAX_CALLS} calls are under way`);
    this.#last += 1;
    this.#waiting.set(this.#last, caller);
    return this.#last;
  }

  /** The core's answer. Nobody waits for it any more when the call was given up meanwhile. */
  settle(call: CallId, result: CallResult): void {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (result.ok) waiting?.resolve(result.value);
    else waiting?.reject(result.error);
  }

  /** Gives up one call that the core never got. */
  drop(call: CallId): void {
    this.#waiting.delete(call);
  }

  failAll(error: LocumError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }
}

export function overloaded(what: string): LocumError {
  return new LocumError('OVERLOADED', `${what}: repeat the call in a second`, { retryAfterMs: 1_000 });
}
