/** `locum proceed`. */
import type { Command } from 'commander';
import { globalsOf, YES } from '../globals.ts';

export function define(proceed: Command): void {
  proceed
    .argument('[pool]', 'the pool', 'default')
    .option(...YES)
    .action(async (pool: string, options: { yes?: boolean }, command: Command) =>
      (await import('./proceed.ts')).proceed(globalsOf(command), pool, options),
    );
}
