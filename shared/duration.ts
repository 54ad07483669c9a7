/** Spans of time as people write them: `4.5s`, `350ms`, `5m`, `1h30m`. Days are hours: a day is not always 24 of them. */
import { HOUR, MINUTE, SECOND } from './time.ts';

const unitMs: Readonly<Record<string, number>> = { h: HOUR, m: MINUTE, s: SECOND, ms: 1 };
const PART = /(\d+(?:\.\d+)?)(ms|h|m|s)/gy;
const WHOLE = /^(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m(?!s))?(?:\d+(?:\.\d+)?s)?(?:\d+(?:\.\d+)?ms)?$/;

/**
 * Milliseconds of `10s`, `5m`, `1h30m`, `4.5s`, `250ms`, `0s`; undefined for anything else (no unit, units out of order, a sign).
 * The result is rounded to whole milliseconds.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '' || !WHOLE.test(text)) return undefined;
  const parts = [...text.matchAll(PART)];
  const totalMs = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitMs[unit ?? ''] ?? Number.NaN), 0);
  return Number.isSafeInteger(Math.round(totalMs)) ? Math.round(totalMs) : undefined;
}

/** The shortest form that `parseDuration` reads back as the same number of milliseconds. Negative spans get a minus sign. */
export function formatDuration(ms: number): string {
  const whole = Math.round(ms);
  if (whole < 0) return `-${formatDuration(-whole)}`;
  if (whole < SECOND) return whole === 0 ? '0s' : `${whole}ms`;
  const hours = Math.floor(whole / HOUR);
  const minutes = Math.floor((whole % HOUR) / MINUTE);
  const restMs = whole % MINUTE;
  const parts = [
    hours > 0 ? `${hours}h` : '',
    minutes > 0 ? `${minutes}m` : '',
    restMs > 0 ? `${restMs / SECOND}s` : '',
  ];
  return parts.join('');
}
