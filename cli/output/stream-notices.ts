/** What a person who follows a stream is told about the stream itself, on standard error. */
import { tell, warn } from './print.ts';

export function tellBroken(): void {
  tell('The stream ended; opening it again …');
}

function tellRestored(after: bigint): void {
  warn(`the store was restored to an earlier state: all events after events/${after} that were shown are undone.`);
}

function tellGap(after: bigint, upTo: bigint): void {
  warn(`some events after events/${after} and up to events/${upTo} are no longer kept; going on with what is left.`);
}

export const STREAM_NOTICES = { onBroken: tellBroken, onGap: tellGap, onRestored: tellRestored } as const;
