/** What one look shows: who leads, what is wrong, the fullest servers, and what happened last. */
import { count } from '../../shared/count.ts';
import type { GetStatusResponse } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import type { Event } from '../../shared/gen/locum/v1/event_pb.ts';
import type { Server } from '../../shared/gen/locum/v1/server_pb.ts';
import { deviationColumns, leaderText, queueText, storeWords } from '../cluster/status.ts';
import { styled } from '../output/style.ts';
import { type Column, type Look, renderFacts, Table } from '../output/table.ts';
import { clockTime, idsOf } from '../output/words.ts';
import { serverColumns } from '../server/view.ts';

export interface Glance {
  readonly status: GetStatusResponse;
  /** In rank order. */
  readonly servers: readonly Server[];
  /** Servers that were not asked for any more. */
  readonly otherServers: boolean;
  /** Newest first. */
  readonly events: readonly Event[];
}

export interface Room {
  readonly look: Look;
  /** Lines of the screen. Undefined: as many as there are. */
  readonly rows: number | undefined;
}

const EVENTS_SHOWN = 5;
const MIN_ROWS_SHOWN = 2;

const eventColumns: readonly Column<Event>[] = [
  { head: 'TIME', cell: ({ time }) => clockTime(time) },
  { head: 'TYPE', cell: ({ type }) => type },
  { head: 'LAST EVENTS', cell: ({ message }) => message },
];

/** Lines, no more than there is room for. */
export function frame({ status, servers, otherServers, events }: Glance, { look, rows }: Room): readonly string[] {
  const wrong = status.deviations;
  const head = [
    ...facts(status).split('\n'),
    '',
    ...(wrong.length === 0 ? [styled('good', 'Everything is where it should be.')] : []),
  ];
  // A line of its own for each: the terminal cuts what is longer.
  const table = <Row>(columns: readonly Column<Row>[], shown: readonly Row[], of = look): readonly string[] =>
    new Table(columns, { ...of, width: undefined }).render(shown).split('\n');
  const room = shares({ rows, head: head.length, wrong: wrong.length, servers: servers.length, events: events.length });
  const hidden = wrong.length - room.wrong + status.omittedDeviations;
  const below = servers.length - room.servers;
  const plain = { wide: look.wide };
  return [
    ...head,
    ...(wrong.length === 0 ? [] : table(deviationColumns, wrong.slice(0, room.wrong), plain)),
    ...(hidden > 0 ? [`and ${count(hidden, 'other')}: locum status`] : []),
    '',
    ...(servers.length === 0
      ? ['No server has registered yet.']
      : table(serverColumns, fullestFirst(servers).slice(0, room.servers))),
    ...(below > 0 || otherServers
      ? [`and ${below > 0 && !otherServers ? below : 'many'} more: locum server list`]
      : []),
    '',
    ...table(eventColumns, events.slice(0, room.events), plain),
  ].slice(0, rows);
}

function facts(status: GetStatusResponse): string {
  const { servers, availableServers, sessions, policies, runs, runningRuns, queuedRuns, storms } = status;
  return renderFacts(
    [
      ['leader', leaderText(status)],
      ['store', storeWords(status)],
      ['servers', `${servers}, ${availableServers} available, ${sessions} connected`],
      ['runs', `${runs} of ${count(policies, 'policy', 'policies')}, ${runningRuns} running, ${queuedRuns} queued`],
      ['queue', queueText(status)],
      ['brake', storms.length === 0 ? '' : { text: `holds takeovers back in ${idsOf(storms)}`, tone: 'bad' }],
    ],
    undefined,
  );
}

interface Wanted {
  readonly rows: number | undefined;
  readonly head: number;
  readonly wrong: number;
  readonly servers: number;
  readonly events: number;
}

/** What is wrong comes before the servers, but never takes all of the screen. */
function shares({ rows, head, wrong, servers, events }: Wanted) {
  if (rows === undefined) return { wrong, servers, events };
  const shownEvents = Math.min(events, EVENTS_SHOWN);
  // Three heads of tables, two empty lines, two notes of what is left out.
  const free = rows - head - shownEvents - 7;
  const shownWrong = Math.min(wrong, Math.max(MIN_ROWS_SHOWN, Math.floor(free / 2), free - servers));
  return {
    wrong: shownWrong,
    servers: Math.min(servers, Math.max(MIN_ROWS_SHOWN, free - shownWrong)),
    events: shownEvents,
  };
}

/** Those that are not available first, then by how much of their limit is taken, then by rank. */
function fullestFirst(servers: readonly Server[]): readonly Server[] {
  const taken = ({ usedSlots, reservedSlots, effectiveMaxSlots }: Server): number =>
    (usedSlots + reservedSlots) / Math.max(1, effectiveMaxSlots);
  return servers.toSorted(
    (a, b) => Number(a.available) - Number(b.available) || taken(b) - taken(a) || a.rank - b.rank,
  );
}
