/** The event log. */
import type { ServiceImpl } from '@connectrpc/connect';
import { fromUint64, toUint64 } from '../../shared/codec/numbers.ts';
import { invalidField } from '../../shared/errors.ts';
import { EventSchema } from '../../shared/gen/locum/v1/event_pb.ts';
import type { EventService, ListEventsRequest } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { TIME_RANGE_MS } from '../../shared/limits.ts';
import { nearest } from '../../shared/rpc/nearest-name.ts';
import { fromTimestamp } from '../../shared/rpc/time-messages.ts';
import { shownEvent } from '../codec/event.ts';
import { EVENT_TYPES, type EventType, eventTypeOf } from '../core/records/event-type.ts';
import type { EventRecord } from '../core/records/state.ts';
import type { ApiContext } from './api-context.ts';
import { aboutOf, type EventNews, EventReader } from './event-reader.ts';
import { indexAfterNumber, pageOf } from './page.ts';
import { sightOf } from './sight.ts';
import { happens, throwIfEnded } from './watch-resources.ts';

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
          show: shownEvent,
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
        sightIn: (state) => sightOf(context, state),
      });
      yield* api.streams.counted(watchEvents(reader, api.bookmarkMs, context.signal));
    },
  };
}

async function* watchEvents(reader: EventReader, bookmarkMs: number, signal: AbortSignal): AsyncGenerator<EventNews> {
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
