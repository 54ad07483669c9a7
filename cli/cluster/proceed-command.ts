/** `locum proceed`. */
import type { Command } from 'commander';
import { addDryRun, globalsOf, YES } from '../globals.ts';
import type { ProceedOptions } from './proceed.ts';

export function define(proceed: Command): void {
  addDryRun(proceed.argument('[pool]', 'the pool', 'default').option(...YES)).action(
    async (pool: string, options: ProceedOptions, command: Command) =>
      (await import('./proceed.ts')).proceed(globalsOf(command), pool, options),
  );
}
