/** `locum events`. */
import { type Command, Option } from 'commander';
import { addTableOptions, globalsOf, parseMoment, wholeNumber } from '../globals.ts';
import type { EventsOptions } from './events.ts';

const MAX_EVENTS = 10_000;

interface EventsFlags extends EventsOptions {
  readonly for?: string;
  /** Number of an event, or the name of a run. */
  readonly because?: string;
}

export function define(events: Command): void {
  addTableOptions(events)
    .option('-f, --follow', 'go on with new events')
    .option('--about <name>', 'only about this resource, such as servers/web-1')
    .addOption(new Option('--for <name>', 'the same').hideHelp())
    .option('--since <when>', 'only from this time on: 2h ago, or 2026-11-27T08:30', parseMoment)
    .option('--until <when>', 'only before this time', parseMoment)
    .option('--because <event>', 'what led to this event (its number), or to the newest one of a run')
    .option('--type <type>', 'only of this type, such as SERVER_MISSING; docs/events.md explains all of them')
    .option('-n, --limit <n>', 'at most this many of the newest', wholeNumber(0, MAX_EVENTS), 50)
    .action(async ({ for: name, because, ...options }: EventsFlags, command: Command) => {
      const globals = globalsOf(command);
      if (because !== undefined) return (await import('./because.ts')).because(globals, because);
      return (await import('./events.ts')).events(globals, name === undefined ? options : { ...options, about: name });
    });
}
