/**
 * Milliseconds to and from google.protobuf.Duration and Timestamp, rounded to whole ones both ways (a clock's reading has
 * fractions, and a fraction of a nanosecond can not be sent). Unset stays unset.
 *
 * Nothing here throws: what is outside of the ranges that a message can show becomes their end. What comes in is refused before
 * (message-bounds.ts); a record that an older version let in, or a host's clock that runs wild, is still shown.
 */
import {
  type Duration,
  durationFromMs,
  durationMs,
  type Timestamp,
  timestampFromMs,
  timestampMs,
} from '@bufbuild/protobuf/wkt';
import { SPAN_LIMIT_MS, TIME_RANGE_MS } from '../limits.ts';

/** Not a number: the lower end. */
function clamped(ms: number, min: number, max: number): number {
  return ms >= min ? Math.min(ms, max) : min;
}

const time = (ms: number): number => clamped(Math.round(ms), TIME_RANGE_MS.min, TIME_RANGE_MS.max);
const span = (ms: number): number => clamped(ms, -SPAN_LIMIT_MS, SPAN_LIMIT_MS);

export function toDuration(ms: number): Duration;
export function toDuration(ms: number | undefined): Duration | undefined;
export function toDuration(ms: number | undefined): Duration | undefined {
  return ms === undefined ? undefined : durationFromMs(span(Math.round(ms)));
}

export function fromDuration(duration: Duration): number;
export function fromDuration(duration: Duration | undefined): number | undefined;
export function fromDuration(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : span(durationMs(duration));
}

/** `wallMs` is milliseconds since 1970. */
export function toTimestamp(wallMs: number): Timestamp;
export function toTimestamp(wallMs: number | undefined): Timestamp | undefined;
export function toTimestamp(wallMs: number | undefined): Timestamp | undefined {
  return wallMs === undefined ? undefined : timestampFromMs(time(wallMs));
}

/** Milliseconds since 1970. */
export function fromTimestamp(timestamp: Timestamp): number;
export function fromTimestamp(timestamp: Timestamp | undefined): number | undefined;
export function fromTimestamp(timestamp: Timestamp | undefined): number | undefined {
  return timestamp === undefined ? undefined : time(timestampMs(timestamp));
}
