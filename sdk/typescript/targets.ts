/** The controllers that a transport asks. */
import { Code, ConnectError, type Transport } from '@connectrpc/connect';
import { present } from '../../shared/assert.ts';
import { neverArrived, spokeToPlain } from '../../shared/rpc/connection-error.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { TokenError } from './caller.ts';
import { mayRepeat } from './may-repeat.ts';
import { UnreachableError } from './unreachable-error.ts';

/** How long one of several addresses may take: a controller that hangs must not use up the time in which the next one answers. */
const TRY_MS = 3_000;

/** The controllers in the order in which they are asked: the one that answered last comes first. */
export class Targets {
  readonly #names: readonly string[];
  readonly #transports: readonly Transport[];
  /** Index of the one that is asked first. */
  #preferred = 0;
  #answered = false;

  /** `names`: for people. */
  constructor(names: readonly string[], transports: readonly Transport[]) {
    this.#names = names;
    this.#transports = transports;
  }

  /** Whether one of them ever answered: then nobody who listens is a controller that restarts, and no wrong address. */
  get answered(): boolean {
    return this.#answered;
  }

  /** How long one try may take of what is left for the call. */
  tryMs(leftMs: number): number {
    return this.#transports.length > 1 ? Math.min(leftMs, TRY_MS) : leftMs;
  }

  /** Asks each once, until one answers. */
  async askEach<T>(call: (target: Transport) => Promise<T>, giveUpAtMs: number, signal?: AbortSignal): Promise<T> {
    let last: ConnectError | undefined;
    let allRefused = true;
    const first = this.#preferred;
    for (let i = 0; i < this.#transports.length; i += 1) {
      const index = (first + i) % this.#transports.length;
      try {
        return await this.#ask(index, call);
      } catch (caught) {
        if (caught instanceof TokenError) throw caught;
        const error = ConnectError.from(caught);
        if (signal?.aborted === true) throw error;
        if (fromConnectError(error) !== undefined) this.#answered = true;
        const hangs = error.code === Code.DeadlineExceeded && this.#transports.length > 1;
        // Also when time is up: the next call must not begin with the one that hangs.
        if (hangs && this.#preferred === index) this.#preferred = (index + 1) % this.#transports.length;
        if (!mayRepeat(error) && !(hangs && performance.now() < giveUpAtMs)) throw error;
        if (!neverArrived(error)) allRefused = false;
        last = error;
      }
    }
    if (last !== undefined && allRefused && spokeToPlain(last))
      throw new UnreachableError(this.#names, 'it speaks no TLS', last, 'NO_TLS');
    if (last !== undefined && allRefused) throw new UnreachableError(this.#names, last.rawMessage, last);
    throw last ?? new UnreachableError([], '');
  }

  async #ask<T>(index: number, call: (target: Transport) => Promise<T>): Promise<T> {
    const answer = await call(present(this.#transports[index], 'a controller'));
    this.#preferred = index;
    this.#answered = true;
    return answer;
  }
}
