/** `locum top`. */
import { type Command, InvalidArgumentError } from 'commander';
import { MINUTE, SECOND } from '../../shared/time.ts';
import { addTableOptions, globalsOf, parseSpan } from '../globals.ts';
import type { TopOptions } from './top.ts';

/** A screen is for eyes, and each look costs the leader a few lists. */
const MIN_INTERVAL_MS = SECOND;
const MAX_INTERVAL_MS = 10 * MINUTE;

function interval(text: string): number {
  const ms = parseSpan(text);
  if (ms >= MIN_INTERVAL_MS && ms <= MAX_INTERVAL_MS) return ms;
  throw new InvalidArgumentError('use a span from 1s to 10m');
}

export function define(top: Command): void {
  addTableOptions(top)
    .option('--once', 'one look, whole, as text for a pipe or a file')
    .option('--interval <span>', 'from one look to the next', interval, 2 * SECOND)
    .action(async (options: TopOptions, command: Command) =>
      (await import('./top.ts')).top(globalsOf(command), options),
    );
}
