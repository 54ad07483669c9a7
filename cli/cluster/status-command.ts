/** `locum status`. */
import type { Command } from 'commander';
import { globalsOf } from '../globals.ts';

export function define(status: Command): void {
  status.action(async (_options: object, command: Command) => (await import('./status.ts')).status(globalsOf(command)));
}
