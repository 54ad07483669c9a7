/**
 * About how much memory an event holds while it waits: its texts, and something for each value. Heartbeats with nothing new, nearly all of
 * the traffic, are not looked at. What comes in is bounded in values and depth before it is decoded (docs/limits.md), so the walk is.
 */
import type { Event } from '../core/cluster/event.ts';

/** Of a number, a flag, a field, the object around them. */
const VALUE_BYTES = 16;
/** Of an event that says next to nothing. */
const PLAIN_BYTES = 128;

export function eventBytes(event: Event): number {
  const isPlain =
    event.kind === 'stream_closed' ||
    (event.kind === 'heartbeat' &&
      event.capabilities === undefined &&
      event.hostProblems === undefined &&
      event.certificate === undefined);
  return isPlain ? PLAIN_BYTES : PLAIN_BYTES + bytesOf(event);
}

function bytesOf(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + 2 * value.length;
  if (typeof value !== 'object' || value === null) return VALUE_BYTES;
  if (value instanceof Uint8Array) return VALUE_BYTES + value.byteLength;
  let bytes = VALUE_BYTES;
  const parts: Iterable<unknown> = value instanceof Map || value instanceof Set ? value : Object.values(value);
  for (const part of parts) bytes += bytesOf(part);
  return bytes;
}
