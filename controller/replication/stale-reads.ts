/** What a follower answers by itself, to callers that ask for it: its copy of the records, as old as its watch is late. */
import type { Interceptor } from '@connectrpc/connect';
import { badField, LocumError } from '../../shared/errors.ts';
import type { Timers } from '../../shared/protocol/timers.ts';
import type { Now } from '../../shared/time.ts';
import type { LeaderTermView } from '../api/api-context.ts';
import { decodeRecord } from '../codec/record.ts';
import type { ClusterState, Keep } from '../core/cluster/cluster.ts';
import { stateOf } from '../core/load.ts';
import type { Clock } from '../engine/clock.ts';
import { createScheduleReader } from '../engine/schedules.ts';
import { copyInSlices, type StateCopy } from '../snapshot/state-copy.ts';
import type { Identity } from '../store/store.ts';
import type { Copy, WarmCopy } from './warm-copy.ts';

/** A caller sends `stale`; an answer that is carries it too. */
export const READ_HEADER = 'x-locum-read';
export const STALE = 'stale';

export interface StaleReadsOptions {
  readonly copy: WarmCopy;
  readonly identity: Identity;
  /** Term of the leader, as far as it is known. */
  readonly term: () => number;
  readonly clock: Clock;
  readonly version: string;
  readonly initialTimers: Timers;
  readonly keep?: Keep | undefined;
}

/**
 * A state is shown for so many times as long as it took to make it, even when the copy has moved: whoever asks for stale reads all the time
 * keeps a follower of a large store busy for a tenth of its time, and no more.
 */
const REST = 9;
const MAX_REST_MS = 2_000;

interface Made {
  readonly revision: number;
  readonly state: ClusterState;
  readonly restUntilMono: number;
}

/** Reads of a core that took the copy over and decides nothing: it is never flushed. Made anew when the copy has moved. */
export class StaleReads implements LeaderTermView {
  readonly #options: StaleReadsOptions;
  #made: Made | undefined;

  constructor(options: StaleReadsOptions) {
    this.#options = options;
  }

  async read<T>(look: (state: ClusterState, now: Now) => T): Promise<T> {
    return look(this.#state(), this.#options.clock());
  }

  async copy(): Promise<StateCopy> {
    return copyInSlices(this.#state());
  }

  get storeStatus(): undefined {
    return undefined;
  }

  async call(): Promise<never> {
    throw onlyReads('changes nothing');
  }

  async confirmTerm(): Promise<never> {
    throw onlyReads('proves nothing');
  }

  get hub(): never {
    throw onlyReads('can not be watched');
  }

  #state(): ClusterState {
    const { copy: warm, clock } = this.#options;
    const beganMono = clock().mono;
    const made = this.#made;
    if (made !== undefined && (made.revision === warm.revision || beganMono < made.restUntilMono)) return made.state;
    const { copy } = warm;
    if (copy === undefined) {
      throw new LocumError('STORE_UNAVAILABLE', 'this controller has not read the store yet: repeat in a moment', {
        retryAfterMs: 500,
      });
    }
    const state = this.#stateOf(copy);
    const nowMono = clock().mono;
    const restUntilMono = nowMono + Math.min(REST * (nowMono - beganMono), MAX_REST_MS);
    this.#made = { revision: copy.revision, state, restUntilMono };
    return state;
  }

  #stateOf(copy: Copy): ClusterState {
    const { identity, term, clock, version, initialTimers, keep } = this.#options;
    const records = copy.records.map(({ key, value }) => decodeRecord(key, value));
    return stateOf(
      { version, initialTimers, keep, schedules: createScheduleReader(), verifyIntervalMs: 0, maxCommitsInFlight: 1 },
      { kind: 'elected', term: Math.max(1, term()), ...identity, firstOfIncarnation: false, records },
      clock(),
    );
  }
}

/** Wrong wherever and whenever it is repeated: nothing that says "later" or "elsewhere". */
function onlyReads(what: string): LocumError {
  return badField('INVALID_FIELD', READ_HEADER, `a stale copy ${what}: leave out this header`);
}

/** Says in the answer that it is stale. */
export const markStale: Interceptor = (next) => async (request) => {
  const response = await next(request);
  response.header.set(READ_HEADER, STALE);
  return response;
};
