/** The event log. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { invalidField, LocumError } from '../../shared/errors.ts';
import { EventSchema } from '../../shared/gen/locum/v1/event_pb.ts';
import type {
  EventService,
  ListEventsRequest,
  WatchEventsResponseSchema,
} from '../../shared/gen/locum/v1/event_service_pb.ts';
import { firstOfIncarnation, incarnationOf } from '../../shared/ids.ts';
import { TIME_RANGE_MS } from '../../shared/limits.ts';
import { parsePolicyName, parsePoolName, parseRunName, parseServerName } from '../../shared/resource-name.ts';
import { nearest } from '../../shared/rpc/nearest-name.ts';
import { fromTimestamp } from '../../shared/rpc/time-messages.ts';
import { eventToProto } from '../codec/event.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import { EVENT_TYPES, type EventType, eventTypeOf } from '../core/records/event-type.ts';
import type { EventRecord } from '../core/records/state.ts';
import type { ApiContext, LeaderTermView } from './api-context.ts';
import { indexAfterNumber, pageOf } from './page.ts';
import { sightOf } from './sight.ts';
import { happens, throwIfEnded } from './watch-resources.ts';

/** Events that are looked up and sent at a time. */
const CHUNK = 100;

/** Which events are asked for. */
interface About {
  readonly matches: (event: EventRecord) => boolean;
  /** Up to which number some of them may have been dropped. */
  readonly droppedUpTo: (state: ClusterState) => number;
}

/** Events of one owner can be told from all others; what runs on a server or in a pool is told of by events of many policies. */
const ofAnyOwner = ({ events }: ClusterState): number => events.droppedUpTo(undefined);

/** By the name of any resource that an event can be about. @throws LocumError INVALID_FIELD */
function aboutOf(about: string): About {
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

/** Undefined: of all types. @throws LocumError INVALID_FIELD: an empty list would read as "nothing happened" */
function typeAsked(type: string): EventType | undefined {
  if (type === '') return undefined;
  const known = eventTypeOf(type);
  if (known !== undefined) return known;
  const near = nearest(type, Object.keys(EVENT_TYPES));
  const meant = near === undefined ? 'docs/events.md has all types' : `did you mean ${near}?`;
  throw invalidField('type', `there are no events ${JSON.stringify(type)}; ${meant}`);
}

type Times = Pick<ListEventsRequest, 'sinceTime' | 'untilTime'>;

const timesOf = ({ sinceTime, untilTime }: Times) =>
  [fromTimestamp(sinceTime) ?? TIME_RANGE_MS.min, fromTimestamp(untilTime) ?? TIME_RANGE_MS.max] as const;

/** @throws LocumError INVALID_FIELD: an empty list would read as "nothing happened" */
function timesAsked(times: Times): (wall: number) => boolean {
  const [since, until] = timesOf(times);
  if (since >= until) throw invalidField('until_time', 'must be later than since_time');
  return (wall) => wall >= since && wall < until;
}

export function eventService(api: ApiContext): ServiceImpl<typeof EventService> {
  return {
    async listEvents(request, context) {
      const { matches, droppedUpTo } = aboutOf(request.about);
      const type = typeAsked(request.type);
      const within = timesAsked(request);
      const wanted = (event: EventRecord): boolean =>
        matches(event) && (type === undefined || event.type === type) && within(event.wall);
      return api.leaderTerm().read((state) => {
        const sight = sightOf(context, state);
        const newestFirst = [...state.events].filter((event) => wanted(event) && sight.event(event)).reverse();
        const { shown, nextPageToken } = pageOf(newestFirst, request, {
          question: ['ListEvents', request.about, request.type, ...timesOf(request)],
          cursorOf: ({ number }) => String(number),
          indexAfter: indexAfterNumber(({ number }) => number),
          schema: EventSchema,
          show: eventToProto,
        });
        return {
          events: shown,
          nextPageToken,
          droppedUpTo: toUint64(droppedUpTo(state)),
          position: toUint64(state.meta.lastEvent),
        };
      });
    },

    async *watchEvents(request, context) {
      const { allowGap } = request;
      const after = fromUint64(request.after, 'after');
      const reader = new EventReader({
        leaderTerm: api.leaderTerm(),
        about: aboutOf(request.about),
        after,
        allowGap,
        context,
      });
      yield* api.streams.counted(watchEvents(reader, api.bookmarkMs, context.signal));
    },
  };
}

type Response = MessageInitShape<typeof WatchEventsResponseSchema>;

async function* watchEvents(reader: EventReader, bookmarkMs: number, signal: AbortSignal): AsyncGenerator<Response> {
  yield* await reader.begin();
  while (!signal.aborted) {
    const changed = reader.changed();
    const responses = await reader.next();
    yield* responses;
    if (responses.length > 0) continue;
    if (!(await happens(changed, bookmarkMs, signal)) && !signal.aborted) yield { position: reader.position };
  }
  throwIfEnded(signal);
}

interface EventReaderOptions {
  readonly leaderTerm: LeaderTermView;
  readonly about: About;
  /** Number of the event to stand behind; 0: the newest. */
  readonly after: number;
  /** Says what is missing and goes on, instead of failing. */
  readonly allowGap: boolean;
  /** Of whoever reads. */
  readonly context: Pick<HandlerContext, 'values' | 'method'>;
}

/** Reads the kept events by their numbers; the log itself is the queue, so a slow reader costs nothing. */
class EventReader {
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
  async begin(): Promise<readonly Response[]> {
    const { leaderTerm, after, allowGap } = this.#options;
    this.#last = await leaderTerm.read((state) => (after === 0 ? state.meta.lastEvent : lastCommon(state, after)));
    this.#missingUpTo = this.#last;
    if (after === 0 || this.#last === after) return [];
    if (!allowGap) throw restored(after, this.#last);
    return [{ position: this.position, restored: true }];
  }

  /** The next ones, at most a chunk, after what is missing of them. @throws LocumError REVISION_TOO_OLD: some were dropped */
  async next(): Promise<readonly Response[]> {
    const { responses, last, missingUpTo } = await this.#options.leaderTerm.read((state) => this.#look(state));
    this.#last = last;
    this.#missingUpTo = missingUpTo;
    return responses;
  }

  /** Moves nothing: what was seen may turn out not to be durable, and then it is looked again, at less. */
  #look(state: ClusterState): Look {
    const { about, context } = this.#options;
    const sight = sightOf(context, state);
    const droppedUpTo = about.droppedUpTo(state);
    const responses = this.#gap(droppedUpTo);
    const missingUpTo = responses.length > 0 ? droppedUpTo : this.#missingUpTo;
    let last = this.#last;
    for (const event of state.events.after(last)) {
      if (responses.length >= CHUNK) return { responses, last, missingUpTo };
      last = event.number;
      if (about.matches(event) && sight.event(event))
        responses.push({ event: eventToProto(event), position: toUint64(last) });
    }
    return { responses, last: Math.max(last, state.meta.lastEvent), missingUpTo };
  }

  #gap(droppedUpTo: number): Response[] {
    if (droppedUpTo <= Math.max(this.#last, this.#missingUpTo)) return [];
    if (!this.#options.allowGap) throw dropped(this.#last, droppedUpTo);
    return [{ position: this.position, droppedUpTo: toUint64(droppedUpTo) }];
  }
}

/** What a look at the log found, and where the reader stands once that is given out. */
interface Look {
  readonly responses: readonly Response[];
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
