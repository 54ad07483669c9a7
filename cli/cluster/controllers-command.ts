/** `locum controllers`. */
import type { Command } from 'commander';
import { globalsOf } from '../globals.ts';

export function define(controllers: Command): void {
  controllers.action(async (_options: object, command: Command) =>
    (await import('./controllers.ts')).controllers(globalsOf(command)),
  );
}
