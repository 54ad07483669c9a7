/** Reads the event log from a number on, as it becomes durable. The log itself is the queue: a slow reader costs nothing. */
import { toUint64 } from '../../shared/codec/numbers.ts';
import { invalidField, LocumError } from '../../shared/errors.ts';
import type { Event } from '../../shared/gen/locum/v1/event_pb.ts';
import { firstOfIncarnation, incarnationOf } from '../../shared/ids.ts';
import { parsePolicyName, parsePoolName, parseRunName, parseServerName } from '../../shared/resource-name.ts';
import { shownEvent } from '../codec/event.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { EventRecord } from '../core/records/state.ts';
import type { LeaderTermView } from './api-context.ts';
import type { Sight } from './sight.ts';

/** Events that are looked up and sent at a time. */
const CHUNK = 100;

/** Which events are asked for. */
export interface About {
  readonly matches: (event: EventRecord) => boolean;
  /** Up to which number some of them may have been dropped. */
  readonly droppedUpTo: (state: ClusterState) => number;
}

/** Events of one owner can be told from all others; what runs on a server or in a pool is told of by events of many policies. */
const ofAnyOwner = ({ events }: ClusterState): number => events.droppedUpTo(undefined);

/** By the name of any resource that an event can be about. @throws LocumError INVALID_FIELD */
export function aboutOf(about: string): About {
  if (about === '') return { matches: () => true, droppedUpTo: ofAnyOwner };
  const server = parseServerName(about);
  if (server !== undefined) return { matches: (event) => event.server === server, droppedUpTo: ofAnyOwner };
  const policy = parsePolicyName(about);
  if (policy !== undefined) {
    const droppedUpTo = ({ events }: ClusterState): number => events.droppedUpTo(`policies/${policy}`);
    return { matches: (event) => event.policy === policy, droppedUpTo };
  }
  const run = parseRunName(about);
  if (run !== undefined) {
    const droppedUpTo = ({ events, runs }: ClusterState): number => {
      const found = runs.get(run);
      return events.droppedUpTo(found === undefined ? undefined : `policies/${found.policy}`);
    };
    return { matches: (event) => event.run === run, droppedUpTo };
  }
  const pool = parsePoolName(about);
  if (pool !== undefined) return { matches: (event) => event.pool === pool, droppedUpTo: ofAnyOwner };
  throw invalidField('about', `"${about}" is not the name of a server, policy, run or pool`);
}

/** The next event, where the reader stands, or what is missing: a WatchEventsResponse. */
export interface EventNews {
  readonly event?: Event;
  readonly position: bigint;
  readonly droppedUpTo?: bigint;
  readonly restored?: boolean;
}

export interface EventReaderOptions {
  readonly leaderTerm: LeaderTermView;
  readonly about: About;
  /** Number of the event to stand behind; 0: the newest. */
  readonly after: number;
  /** Says what is missing and goes on, instead of failing. */
  readonly allowGap: boolean;
  /** What of the log the reader may see. */
  readonly sightIn: (state: ClusterState) => Pick<Sight, 'event'>;
}

/** Reads the kept events by their numbers. */
export class EventReader {
  readonly #options: EventReaderOptions;
  /** Everything that matches up to here was given out. */
  #last = 0;
  /** Up to where it was said that something is missing. */
  #missingUpTo = 0;

  constructor(options: EventReaderOptions) {
    this.#options = options;
  }

  get position(): bigint {
    return toUint64(this.#last);
  }

  /** Resolves at the next change. @throws LocumError the term is over */
  changed(): Promise<void> {
    const { hub } = this.#options.leaderTerm;
    const { changed } = hub;
    hub.take(hub.end, 0);
    return changed;
  }

  /** Answers what is to be said first. @throws LocumError REVISION_TOO_OLD: the log does not have that number */
  async begin(): Promise<readonly EventNews[]> {
    const { leaderTerm, after, allowGap } = this.#options;
    this.#last = await leaderTerm.read((state) => (after === 0 ? state.meta.lastEvent : lastCommon(state, after)));
    this.#missingUpTo = this.#last;
    if (after === 0 || this.#last === after) return [];
    if (!allowGap) throw restored(after, this.#last);
    return [{ position: this.position, restored: true }];
  }

  /** The next ones, at most a chunk, after what is missing of them. @throws LocumError REVISION_TOO_OLD: some were dropped */
  async next(): Promise<readonly EventNews[]> {
    const { responses, last, missingUpTo } = await this.#options.leaderTerm.read((state) => this.#look(state));
    this.#last = last;
    this.#missingUpTo = missingUpTo;
    return responses;
  }

  /** Moves nothing: what was seen may turn out not to be durable, and then it is looked again, at less. */
  #look(state: ClusterState): Look {
    const { about, sightIn } = this.#options;
    const sight = sightIn(state);
    const droppedUpTo = about.droppedUpTo(state);
    const responses = this.#gap(droppedUpTo);
    const missingUpTo = responses.length > 0 ? droppedUpTo : this.#missingUpTo;
    let last = this.#last;
    for (const event of state.events.after(last)) {
      if (responses.length >= CHUNK) return { responses, last, missingUpTo };
      last = event.number;
      if (about.matches(event) && sight.event(event))
        responses.push({ event: shownEvent(event), position: toUint64(last) });
    }
    return { responses, last: Math.max(last, state.meta.lastEvent), missingUpTo };
  }

  #gap(droppedUpTo: number): EventNews[] {
    if (droppedUpTo <= Math.max(this.#last, this.#missingUpTo)) return [];
    if (!this.#options.allowGap) throw dropped(this.#last, droppedUpTo);
    return [{ position: this.position, droppedUpTo: toUint64(droppedUpTo) }];
  }
}

/** What a look at the log found, and where the reader stands once that is given out. */
interface Look {
  readonly responses: readonly EventNews[];
  readonly last: number;
  readonly missingUpTo: number;
}

/**
 * Up to where a reader who has seen everything up to `after` has seen what this log has: all of it, unless the store was restored to
 * before that. The numbers of each incarnation are above those of the one before, so they tell.
 */
function lastCommon({ incarnation, meta: { lastEvent, lastEventBefore } }: ClusterState, after: number): number {
  const life = incarnationOf(after);
  if (life === incarnation) return Math.min(after, lastEvent);
  // Where the lives before the last one parted is not kept: what was before this one is certain, and the rest is shown again.
  if (life < incarnationOf(lastEventBefore)) return firstOfIncarnation(life);
  return Math.min(after, lastEventBefore);
}

function restored(after: number, last: number): LocumError {
  return new LocumError(
    'REVISION_TOO_OLD',
    `the log has no events/${after}: the store was restored to events/${last}, or is another one; list the events anew, or watch with allow_gap`,
  );
}

function dropped(after: number, droppedUpTo: number): LocumError {
  return new LocumError(
    'REVISION_TOO_OLD',
    `some events after events/${after} and up to events/${droppedUpTo} were dropped to make room: watch with allow_gap to go on with what is left`,
    { metadata: { dropped_up_to: String(droppedUpTo) } },
  );
}
