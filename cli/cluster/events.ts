/** `locum events`: oldest first, as a log is read. */
import { create } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { followEvents } from '../../sdk/typescript/follow-events.ts';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import type { Event } from '../../shared/gen/locum/v1/event_pb.ts';
import {
  EventService,
  ListEventsResponseSchema,
  WatchEventsResponseSchema,
} from '../../shared/gen/locum/v1/event_service_pb.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import { withTransport } from '../client/session.ts';
import { type Globals, isForPeople } from '../globals.ts';
import { lookOf, printAnswer, printLine, printStreamed } from '../output/print.ts';
import { STREAM_NOTICES } from '../output/stream-notices.ts';
import { type Column, Table } from '../output/table.ts';
import { clockTimeOn } from '../output/words.ts';

export interface EventsOptions {
  readonly follow?: boolean;
  /** `servers/web-1`, or `server/web-1`. */
  readonly about?: string;
  readonly type?: string;
  /** Wall time in milliseconds. */
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
}

const today = new Date();

const columns: readonly Column<Event>[] = [
  { head: 'TIME', cell: ({ time }) => clockTimeOn(time, today) },
  { head: 'EVENT', wide: true, right: true, cell: ({ name }) => name.slice('events/'.length) },
  { head: 'TYPE', cell: ({ type }) => type },
  { head: 'CAUSE', cell: ({ cause }) => cause },
  { head: 'ACTOR', cell: ({ actor }) => actor },
  { head: 'EPOCH', wide: true, right: true, cell: ({ epoch }) => (epoch === 0n ? '' : epoch.toString()) },
  { head: 'MESSAGE', cell: ({ message }) => message },
  {
    head: 'DETAILS',
    wide: true,
    cell: ({ details }) =>
      Object.entries(details)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
  },
];

export async function events(globals: Globals, options: EventsOptions): Promise<void> {
  const { type = '', limit, since, until } = options;
  const about = (options.about ?? '').replace(/^(?:server|run|pool)(?=\/)/, '$&s').replace(/^policy(?=\/)/, 'policies');
  const query = { about, type, sinceTime: toTimestamp(since), untilTime: toTimestamp(until) };
  await withTransport(globals, async (transport) => {
    const client = createClient(EventService, transport);
    const pages = await readPages(
      (pageToken) => client.listEvents({ ...query, pageSize: Math.min(PAGE_SIZE, Math.max(1, limit)), pageToken }),
      { items: limit, size: (page) => page.events.length },
    );
    const newest = pages.flatMap((page) => page.events);
    const shown = newest.slice(0, limit);
    const table = new Table(columns, lookOf(globals));
    const oldestFirst = shown.toReversed();
    if (options.follow !== true) {
      // JSON keeps the order of the response: newest first.
      const position = pages[0]?.position ?? 0n;
      const { droppedUpTo = 0n, nextPageToken = '' } = pages.at(-1) ?? {};
      // What it leads to comes behind the last page, not behind what is shown of it.
      const next = shown.length === newest.length ? nextPageToken : '';
      const answer = create(ListEventsResponseSchema, { events: shown, position, droppedUpTo, nextPageToken: next });
      await printAnswer(globals, ListEventsResponseSchema, answer, {
        table: () => (shown.length === 0 ? 'No events.' : table.render(oldestFirst)),
        names: () => oldestFirst.map(({ name }) => name),
      });
      return;
    }
    const show = (event: Event): Promise<void> =>
      printStreamed(globals, WatchEventsResponseSchema, create(WatchEventsResponseSchema, { event }), {
        table: () => table.renderRow(event),
        names: () => [event.name],
      });
    if (isForPeople(globals)) printLine(table.render(oldestFirst));
    else for (const event of oldestFirst) await show(event);
    // Where the list was read, so that nothing between the two calls is lost.
    const after = pages[0]?.position ?? 0n;
    for await (const { event } of followEvents({ client, about, after, ...STREAM_NOTICES })) {
      if (event !== undefined && (type === '' || event.type === type)) await show(event);
    }
  });
}
