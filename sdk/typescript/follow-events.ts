/** The event log as it grows, over any number of restarts and leaders: nothing is left out without a word. */
import type { Client } from '@connectrpc/connect';
import type { EventService, WatchEventsResponse } from '../../shared/gen/locum/v1/event_service_pb.ts';
import { type ResumeOptions, resuming } from './resume.ts';

export interface FollowEventsOptions
  extends Pick<ResumeOptions<WatchEventsResponse, Position>, 'signal' | 'pause' | 'onBroken'> {
  readonly client: Pick<Client<typeof EventService>, 'watchEvents'>;
  /** Name of a resource; empty: all. */
  readonly about?: string;
  /** Number of the event to begin after; 0n: only new ones. */
  readonly after?: bigint;
  /** Told what is missing. The message says so, too: `droppedUpTo`. */
  readonly onGap?: (after: bigint, upTo: bigint) => void;
  /** Told that the store was restored: what was shown after this number is undone. The message says so, too: `restored`. */
  readonly onRestored?: (after: bigint) => void;
}

interface Position {
  readonly after: bigint;
  readonly allowGap: boolean;
}

export async function* followEvents(options: FollowEventsOptions): AsyncGenerator<WatchEventsResponse> {
  const { client, about = '', after = 0n, onGap, onRestored, signal, ...more } = options;
  const open = (position: Position) =>
    client.watchEvents({ ...position, about }, signal === undefined ? {} : { signal });
  for await (const message of resuming<WatchEventsResponse, Position>({
    ...more,
    signal,
    open,
    start: { after, allowGap: false },
    answered: true,
    positionOf: ({ position }) => (position === 0n ? undefined : { after: position, allowGap: false }),
    afterGap: (position) => ({ ...position, allowGap: true }),
  })) {
    const { position, droppedUpTo, restored } = message;
    if (restored) onRestored?.(position);
    if (droppedUpTo > 0n) onGap?.(position, droppedUpTo);
    yield message;
  }
}
