/** The event log as a hook reads it: the events that it wants, from where it is on, as they become durable. */
import type { Event } from '../../shared/gen/locum/v1/event_pb.ts';
import type { LeaderTermView } from '../api/api-context.ts';
import { type About, aboutOf, EventReader } from '../api/event-reader.ts';
import { happens } from '../api/watch-resources.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import { isAtLeast } from '../core/records/event-severity.ts';
import type { EventRecord } from '../core/records/state.ts';
import type { FeedNews } from '../feeds/feed.ts';
import type { HookFilter } from './hook.ts';

/** Whoever writes the configuration of a controller sees everything. */
const WHOLE_SIGHT = { event: () => true } as const;
const EVERYTHING: HookFilter = { types: [], minSeverity: undefined, about: [] };

/** Which events fit a filter. */
export function wantedBy({ types, minSeverity, about }: HookFilter = EVERYTHING): About {
  const subjects = about.map(aboutOf);
  const wantedTypes: ReadonlySet<string> = new Set(types);
  return {
    matches: (event: EventRecord): boolean =>
      (wantedTypes.size === 0 || wantedTypes.has(event.type)) &&
      (minSeverity === undefined || isAtLeast(event.type, minSeverity)) &&
      (subjects.length === 0 || subjects.some(({ matches }) => matches(event))),
    droppedUpTo: (state: ClusterState): number => {
      const each = subjects.length === 0 ? [aboutOf('')] : subjects;
      return Math.max(...each.map(({ droppedUpTo }) => droppedUpTo(state)));
    },
  };
}

/** Events behind a position that fit. */
export function waitingEvents({ events }: ClusterState, wanted: About, position: number): number {
  let count = 0;
  for (const event of events.after(position)) if (wanted.matches(event)) count += 1;
  return count;
}

export interface HookReading {
  readonly wanted: About;
  /** Number of the event to go on after. */
  readonly after: number;
  /** Some that it wants may have been dropped, up to this one. */
  readonly missed: (upTo: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Time between two looks when nothing happens, milliseconds. */
const LOOK_MS = 10_000;

/** @throws LocumError NOT_LEADER: the term is over */
export async function* readForHook(
  leaderTerm: LeaderTermView,
  { wanted, after, missed, signal }: HookReading,
): AsyncGenerator<FeedNews<Event, number>> {
  const reader = new EventReader({ leaderTerm, about: wanted, after, allowGap: true, sightIn: () => WHOLE_SIGHT });
  await reader.begin();
  while (!signal.aborted) {
    const changed = reader.changed();
    const news = await reader.next();
    for (const { event, position, droppedUpTo } of news) {
      if (droppedUpTo !== undefined && droppedUpTo > 0n) await missed(Number(droppedUpTo));
      if (event !== undefined) yield { kind: 'item', item: event, reached: Number(position) };
    }
    if (news.length > 0) continue;
    yield { kind: 'all', reached: Number(reader.position) };
    await happens(changed, LOOK_MS, signal);
  }
}
