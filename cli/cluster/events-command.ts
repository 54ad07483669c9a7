/** `locum events`. */
import type { Command } from 'commander';
import { globalsOf, wholeNumber } from '../globals.ts';
import type { EventsOptions } from './events.ts';

const MAX_EVENTS = 10_000;

export function define(events: Command): void {
  events
    .option('-f, --follow', 'go on with new events')
    .option('--about <name>', 'only about this resource, such as servers/web-1')
    .option('--type <type>', 'only of this type, such as SERVER_MISSING; docs/events.md explains all of them')
    .option('-n, --limit <n>', 'at most this many of the newest', wholeNumber(0, MAX_EVENTS), 50)
    .action(async (options: EventsOptions, command: Command) =>
      (await import('./events.ts')).events(globalsOf(command), options),
    );
}
