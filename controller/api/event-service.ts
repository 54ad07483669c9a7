/** The event log. */
import type { ServiceImpl } from '@connectrpc/connect';
import { invalidField, LocumError } from '../../shared/errors.ts';
import type { Event as PbEvent } from '../../shared/gen/locum/v1/event_pb.ts';
import type { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { parsePolicyName, parsePoolName, parseRunName, parseServerName } from '../../shared/resource-name.ts';
import { eventToProto } from '../codec/event.ts';
import { fromUint64 } from '../codec/numbers.ts';
import type { EventRecord } from '../core/state.ts';
import type { ApiContext, ReignView } from './api-context.ts';
import { indexAfterNumber, pageOf } from './page.ts';
import { happens, throwIfEnded } from './watch-resources.ts';

/** Events that are looked up and sent at a time. */
const CHUNK = 100;

type Filter = (event: EventRecord) => boolean;

/** By the name of any resource that an event can be about. @throws LocumError INVALID_FIELD */
function aboutFilter(about: string): Filter {
  if (about === '') return () => true;
  const server = parseServerName(about);
  if (server !== undefined) return (event) => event.server === server;
  const policy = parsePolicyName(about);
  if (policy !== undefined) return (event) => event.policy === policy;
  const run = parseRunName(about);
  if (run !== undefined) return (event) => event.run === run;
  const pool = parsePoolName(about);
  if (pool !== undefined) return (event) => event.pool === pool;
  throw invalidField('about', `"${about}" is not the name of a server, policy, run or pool`);
}

export function eventService(api: ApiContext): ServiceImpl<typeof EventService> {
  return {
    async listEvents(request) {
      const isAbout = aboutFilter(request.about);
      const wanted: Filter = (event) => isAbout(event) && (request.type === '' || event.type === request.type);
      return api.reign().read((state) => {
        const newestFirst = state.events.filter(wanted).reverse();
        const { items, nextPageToken } = pageOf(newestFirst, request, {
          question: ['ListEvents', request.about, request.type],
          cursorOf: ({ number }) => String(number),
          indexAfter: indexAfterNumber(({ number }) => number),
        });
        return { events: items.map(eventToProto), nextPageToken };
      });
    },

    async *watchEvents({ after, about }, { signal }) {
      yield* api.streams.counted(watchEvents(api, fromUint64(after, 'after'), aboutFilter(about), signal));
    },
  };
}

/** Reads the kept events from a number on; the log itself is the queue, so a slow reader costs nothing. */
async function* watchEvents(
  api: ApiContext,
  after: number,
  wanted: Filter,
  signal: AbortSignal,
): AsyncGenerator<{ readonly event?: PbEvent }> {
  const reign = api.reign();
  let last = after === 0 ? await reign.read((state) => state.meta.lastEvent) : after;
  while (!signal.aborted) {
    const { changed } = reign.hub;
    const { events, next } = await eventsAfter(reign, last, wanted);
    last = next;
    for (const event of events) yield { event };
    if (events.length > 0) continue;
    // Throws when the reign is over.
    reign.hub.take(reign.hub.end, 0);
    if (!(await happens(changed, api.bookmarkMs, signal)) && !signal.aborted) yield {};
  }
  throwIfEnded(signal);
}

/** The next wanted ones, and the number up to which all were looked at. @throws LocumError REVISION_TOO_OLD */
function eventsAfter(
  reign: ReignView,
  last: number,
  wanted: Filter,
): Promise<{ readonly events: readonly PbEvent[]; readonly next: number }> {
  return reign.read((state) => {
    const oldest = state.events[0]?.number ?? state.meta.lastEvent + 1;
    if (last + 1 < oldest || last > state.meta.lastEvent) throw tooOld(last);
    const fresh = state.events.slice(last + 1 - oldest);
    const events = fresh.filter(wanted).slice(0, CHUNK);
    const next = events.length === CHUNK ? (events.at(-1)?.number ?? last) : state.meta.lastEvent;
    return { events: events.map(eventToProto), next };
  });
}

function tooOld(after: number): LocumError {
  return new LocumError(
    'REVISION_TOO_OLD',
    `events after events/${after} are not all kept: list them, then watch from the newest`,
  );
}
