/** Fields of messages as people read them. */
import type { DescEnum } from '@bufbuild/protobuf';
import { type Duration, durationMs, type Timestamp, timestampDate, timestampMs } from '@bufbuild/protobuf/wkt';
import { count } from '../../shared/count.ts';
import { formatDuration } from '../../shared/duration.ts';
import { toneOf } from './style.ts';
import { type Cell, cell } from './table.ts';

/** `ALIVE` for LIVENESS_ALIVE. The first value of an enum means "not set": empty. */
export function word(desc: DescEnum, value: number): string {
  if (value === 0) return '';
  return desc.value[value]?.localName ?? String(value);
}

/** The same with the colour of its meaning. */
export function stateCell(desc: DescEnum, value: number): Cell {
  const name = word(desc, value);
  return cell(name, toneOf(name));
}

/** `web-1` for `servers/web-1`. */
export const idOf = (name: string): string => name.slice(name.indexOf('/') + 1);

export const idsOf = (names: readonly string[]): string => names.map(idOf).join(', ');

/** The largest unit only: people compare ages, they do not add them. */
export function roughSpan(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'm'],
  ] as const;
  const unit = units.find(([size]) => ms >= 2 * size);
  return unit === undefined ? `${Math.max(0, Math.floor(ms / 1000))}s` : `${Math.floor(ms / unit[0])}${unit[1]}`;
}

/** How long ago. Empty for an unset time. */
export function age(time: Timestamp | undefined, nowMs = Date.now()): string {
  return time === undefined ? '' : roughSpan(nowMs - timestampMs(time));
}

/** How long until. Empty for an unset time. */
export function until(time: Timestamp | undefined, nowMs = Date.now()): string {
  return time === undefined ? '' : roughSpan(timestampMs(time) - nowMs);
}

/** `2026-11-22T10:15:30.123Z`. Empty for an unset time. */
export function moment(time: Timestamp | undefined): string {
  return time === undefined ? '' : timestampDate(time).toISOString();
}

/** `10:15:30.123` in the local zone, for logs of now. */
export function clockTime(time: Timestamp | undefined): string {
  if (time === undefined) return '';
  const date = timestampDate(time);
  const part = (n: number, digits = 2): string => String(n).padStart(digits, '0');
  return `${part(date.getHours())}:${part(date.getMinutes())}:${part(date.getSeconds())}.${part(date.getMilliseconds(), 3)}`;
}

/** The same with the date in front where that is not today. */
export function clockTimeOn(time: Timestamp | undefined, today: Date): string {
  if (time === undefined) return '';
  const date = timestampDate(time);
  if (date.toDateString() === today.toDateString()) return clockTime(time);
  const part = (n: number): string => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${part(date.getMonth() + 1)}-${part(date.getDate())} ${clockTime(time)}`;
}

export function span(duration: Duration | undefined): string {
  return duration === undefined ? '' : formatDuration(durationMs(duration));
}

/** A line for what an answer had no room for; none when it had. */
export function omittedText(omitted: number, noun: string): readonly string[] {
  return omitted === 0 ? [] : [`and ${count(omitted, `more ${noun}`)}, left out of this answer`];
}
