/** `locum debug …`. */
import type { Command } from 'commander';
import { globalsOf, parseMoment } from '../globals.ts';
import type { BundleOptions } from './bundle.ts';

export function define(debug: Command): void {
  debug
    .command('bundle [file]')
    .description(
      'what somebody who looks for a fault wants to see, without secrets, as a tar.gz (default: a name with the time)',
    )
    .option('--since <time>', 'events not older than a span (1h, 168h) or a time (default: 24h)', parseMoment)
    .action(async (file: string | undefined, options: BundleOptions, command: Command) =>
      (await import('./bundle.ts')).bundle(globalsOf(command), file, options),
    );
}
