/** `locum controllers`. */
import type { Command } from 'commander';
import { addTableOptions, globalsOf } from '../globals.ts';

export function define(controllers: Command): void {
  addTableOptions(controllers).action(async (_options: object, command: Command) =>
    (await import('./controllers.ts')).controllers(globalsOf(command)),
  );
}
