/** What led to an event, found in the log: each event with the one that it follows from. Pure. */
import type { Event } from '../../shared/gen/locum/v1/event_pb.ts';

/** Events about a server that are the cause of one about a run, by the word that the run's event has as its cause. */
const FROM_SERVER: Readonly<Record<string, readonly string[]>> = {
  SERVER_MISSING: ['SERVER_MISSING', 'SERVER_CONFIRMED_DEAD'],
  HOLD: ['SERVER_MISSING'],
  OVERLAP: ['SERVER_MISSING'],
  STORM: ['SERVER_MISSING'],
  HOST_REBOOTED: ['SERVER_ALIVE', 'SERVER_IDENTITY_CHANGED'],
  CAPABILITY_LOST: ['SERVER_CAPABILITIES_CHANGED'],
  DRAIN: ['SERVER_DRAINING'],
};

/** Of servers themselves. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  SERVER_MISSING: ['SERVER_SUSPECT'],
  SERVER_QUARANTINED: ['SERVER_MISSING'],
  SERVER_DRAINED: ['SERVER_DRAINING'],
  SERVER_DELETED: ['SERVER_DELETING'],
};

/** A story of its own ends with these: what comes after them has another cause. */
const STANDS_ALONE: ReadonlySet<string> = new Set(['RUN_RUNNING', 'RUN_SUCCEEDED', 'RUN_FAILED', 'RUN_STOPPED']);

export const numberOf = ({ name }: Pick<Event, 'name'>): number => Number(name.slice('events/'.length));

/** From the first cause to the event itself, each the cause of the next. `events`: oldest first. Empty: it is not among them. */
export function causeChain(events: readonly Event[], number: number): readonly Event[] {
  const chain: Event[] = [];
  let at = events.findIndex((event) => numberOf(event) === number);
  while (at >= 0) {
    const event = events[at];
    if (event === undefined) break;
    chain.unshift(event);
    at = causeAt(events, at, event);
  }
  return chain;
}

/** Place of the event that this one follows from; -1: there is none, or it is not kept any more. */
function causeAt(events: readonly Event[], at: number, event: Event): number {
  const latest = (matches: (other: Event) => boolean): number =>
    events.findLastIndex((other, index) => index < at && matches(other));
  if (event.run === '') {
    const types = BEFORE[event.type] ?? [];
    return latest((other) => other.server === event.server && other.run === '' && types.includes(other.type));
  }
  const before = latest((other) => other.run === event.run);
  const types = FROM_SERVER[event.cause] ?? [];
  // The server where it was: that of the event, or of what was told of the run before.
  const servers = [event.server, events[before]?.server].filter((server) => server !== undefined && server !== '');
  const ofServer = latest((other) => other.run === '' && types.includes(other.type) && servers.includes(other.server));
  if (ofServer > before) return ofServer;
  const told = events[before];
  return told === undefined || STANDS_ALONE.has(told.type) ? -1 : before;
}
