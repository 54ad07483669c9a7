/** `--since`: a span back from now, or a time. */
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../../shared/duration.ts';

/** Wall-clock milliseconds. */
export function parseSince(text: string): number {
  const spanMs = parseDuration(text);
  if (spanMs !== undefined) return Date.now() - spanMs;
  const wall = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(wall)) {
    throw new InvalidArgumentError('use a span such as 1h or 168h, or a time such as 2026-11-27T08:00:00Z');
  }
  return wall;
}
