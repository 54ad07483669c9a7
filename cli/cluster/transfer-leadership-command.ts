/** `locum transfer-leadership`. */
import type { Command } from 'commander';
import { globalsOf } from '../globals.ts';

export function define(transfer: Command): void {
  transfer
    .argument('[controller]', 'the controller that should lead next; default: any other one')
    .action(async (controller: string | undefined, _options: object, command: Command) =>
      (await import('./transfer-leadership.ts')).transferLeadership(globalsOf(command), controller),
    );
}
