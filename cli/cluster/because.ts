/** `locum events --because`: what led to an event. */
import { create } from '@bufbuild/protobuf';
import { type Timestamp, timestampMs } from '@bufbuild/protobuf/wkt';
import { createClient } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import { formatDuration } from '../../shared/duration.ts';
import type { Event } from '../../shared/gen/locum/v1/event_pb.ts';
import { EventService, ListEventsResponseSchema } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';
import { clockTimeOn } from '../output/words.ts';
import { causeChain, numberOf } from './cause-chain.ts';

const today = new Date();

function elapsedMs(from: Timestamp | undefined, to: Timestamp | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : timestampMs(to) - timestampMs(from);
}

/** An event of a chain, and how long after the one before. */
interface Link {
  readonly event: Event;
  readonly afterMs: number | undefined;
}

const chainColumns: readonly Column<Link>[] = [
  { head: 'TIME', cell: ({ event }) => clockTimeOn(event.time, today) },
  { head: 'AFTER', right: true, cell: ({ afterMs }) => (afterMs === undefined ? '' : `+${formatDuration(afterMs)}`) },
  { head: 'EVENT', right: true, cell: ({ event }) => numberOf(event) },
  { head: 'TYPE', cell: ({ event }) => event.type },
  { head: 'CAUSE', cell: ({ event }) => event.cause },
  { head: 'MESSAGE', cell: ({ event }) => event.message },
];

/** As many as a controller keeps, unless it was told to keep more. */
const LOOKED_AT = 10_000;

/** `--because`: what led to an event, or to the newest one of a run. */
export async function because(globals: Globals, asked: string): Promise<void> {
  await withTransport(globals, async (transport) => {
    const client = createClient(EventService, transport);
    const isNumber = /^(events\/)?\d+$/.test(asked);
    const about = isNumber ? undefined : nameIn('runs', asked);
    const pages = await readPages((pageToken) => client.listEvents({ pageSize: PAGE_SIZE, pageToken }), {
      items: LOOKED_AT,
      size: (page) => page.events.length,
    });
    const newestFirst = pages.flatMap((page) => page.events);
    const number = Number(asked.slice(asked.indexOf('/') + 1));
    const event = newestFirst.find((one) => (about === undefined ? numberOf(one) === number : one.run === about));
    if (event === undefined) throw new CommandFailure(`no event ${asked} is kept`, EXIT.notFound);
    const chain = causeChain(newestFirst.toReversed(), numberOf(event));
    const links = chain.map((one, index): Link => {
      return { event: one, afterMs: elapsedMs(chain[index - 1]?.time, one.time) };
    });
    await printAnswer(globals, ListEventsResponseSchema, create(ListEventsResponseSchema, { events: [...chain] }), {
      table: ({ wide }) => new Table(chainColumns, { wide }).render(links),
      names: () => chain.map(({ name }) => name),
    });
  });
}
