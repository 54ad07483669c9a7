/** `locum top`: a look at the cluster, again and again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, type Transport } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import { messageOf } from '../../shared/caught-error.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { printableStyles } from '../../shared/printable.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import { type Globals, isForPeople } from '../globals.ts';
import { lookOf, printLine } from '../output/print.ts';
import { styled } from '../output/style.ts';
import { frame, type Glance } from './frame.ts';
import { Screen } from './screen.ts';

export interface TopOptions {
  readonly once?: boolean;
  /** Milliseconds. */
  readonly interval: number;
}

const MAX_SERVERS = 5 * PAGE_SIZE;
const EVENTS = 10;

/** At a terminal until `q`; in a pipe, one look after the other as text. */
export async function top(globals: Globals, { once = false, interval }: TopOptions): Promise<void> {
  if (!isForPeople(globals))
    throw new CommandFailure('top is for people: scripts ask "locum status -o json" and "locum server list -o json"');
  await withTransport(globals, async (transport) => {
    if (once || !process.stdout.isTTY) return printFrames(globals, transport, once ? undefined : interval);
    const screen = new Screen(process.stdout, process.stdin.isTTY ? process.stdin : undefined);
    // What is wrong with the command, or nobody there: told as by any other command.
    const first = await glanceAt(transport);
    frame(first, { look: lookOf(globals), rows: undefined });
    screen.open();
    try {
      await showFrames(globals, transport, { screen, first, interval });
    } finally {
      screen.close();
    }
  });
}

/** `interval` undefined: one. */
async function printFrames(globals: Globals, transport: Transport, interval: number | undefined): Promise<void> {
  for (;;) {
    printLine(frame(await glanceAt(transport), { look: lookOf(globals), rows: undefined }).join('\n'));
    if (interval === undefined) return;
    await sleep(interval);
    printLine('');
  }
}

interface Show {
  readonly screen: Screen;
  readonly first: Glance;
  readonly interval: number;
}

/** A look that fails leaves the last one there, and says so above it. */
async function showFrames(globals: Globals, transport: Transport, { screen, first, interval }: Show): Promise<void> {
  let glance = first;
  let failure = '';
  while (!screen.ended.aborted) {
    const title = styled('strong', `locum top, ${new Date().toLocaleTimeString('en-GB')}; q ends it`);
    const above = failure === '' ? [title] : [title, styled('bad', `not up to date: ${failure}`)];
    const rows = screen.rows - above.length;
    const lines = [...above, ...frame(glance, { look: lookOf(globals), rows })];
    screen.show(lines.map(printableStyles));
    await sleep(interval, undefined, { signal: screen.ended }).catch(() => undefined);
    if (screen.ended.aborted) return;
    try {
      glance = await glanceAt(transport, screen.ended);
      failure = '';
    } catch (error) {
      failure = messageOf(error).split('\n')[0] ?? '';
    }
  }
}

async function glanceAt(transport: Transport, signal?: AbortSignal): Promise<Glance> {
  const options = signal === undefined ? {} : { signal };
  const servers = createClient(ServerService, transport);
  const [status, pages, { events }] = await Promise.all([
    createClient(ClusterService, transport).getStatus({}, options),
    readPages((pageToken) => servers.listServers({ pageSize: PAGE_SIZE, pageToken }, options), {
      items: MAX_SERVERS,
      size: (page) => page.servers.length,
    }),
    createClient(EventService, transport).listEvents({ pageSize: EVENTS }, options),
  ]);
  return {
    status,
    servers: pages.flatMap((page) => page.servers),
    otherServers: (pages.at(-1)?.nextPageToken ?? '') !== '',
    events,
  };
}
