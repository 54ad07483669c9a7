/**
 * Milliseconds to and from google.protobuf.Duration and Timestamp, rounded to whole ones both ways (a clock's reading has
 * fractions, and a fraction of a nanosecond can not be sent). Unset stays unset.
 */
import {
  type Duration,
  durationFromMs,
  durationMs,
  type Timestamp,
  timestampFromMs,
  timestampMs,
} from '@bufbuild/protobuf/wkt';

export function toDuration(ms: number): Duration;
export function toDuration(ms: number | undefined): Duration | undefined;
export function toDuration(ms: number | undefined): Duration | undefined {
  return ms === undefined ? undefined : durationFromMs(Math.round(ms));
}

export function fromDuration(duration: Duration): number;
export function fromDuration(duration: Duration | undefined): number | undefined;
export function fromDuration(duration: Duration | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}

/** `wallMs` is milliseconds since 1970. */
export function toTimestamp(wallMs: number): Timestamp;
export function toTimestamp(wallMs: number | undefined): Timestamp | undefined;
export function toTimestamp(wallMs: number | undefined): Timestamp | undefined {
  return wallMs === undefined ? undefined : timestampFromMs(Math.round(wallMs));
}

/** Milliseconds since 1970. */
export function fromTimestamp(timestamp: Timestamp): number;
export function fromTimestamp(timestamp: Timestamp | undefined): number | undefined;
export function fromTimestamp(timestamp: Timestamp | undefined): number | undefined {
  return timestamp === undefined ? undefined : timestampMs(timestamp);
}
