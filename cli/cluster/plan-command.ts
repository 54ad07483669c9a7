/** `locum plan`: each asks what would happen, and changes nothing. */
import { type Command, Option } from 'commander';
import { globalsOf } from '../globals.ts';
import type { OrderOptions } from '../server/order.ts';

type PlannedOrder = OrderOptions & { readonly pool: string };

/** `web-1,web-2`, each once. */
const nameList = (text: string): readonly string[] => [
  ...new Set(text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()]))),
];

export function define(plan: Command): void {
  plan
    .option('--server-lost <servers>', 'of these together, as in web-1,web-2 (default: each by itself)', nameList)
    .action(async ({ serverLost }: { serverLost?: readonly string[] }, command: Command) =>
      (await import('./plan.ts')).plan(globalsOf(command), serverLost ?? []),
    );
  plan
    .command('order <servers...>')
    .description('what this order of a pool would move; as "server order --dry-run"')
    .option('--pool <pool>', 'the pool', 'default')
    .addOption(
      new Option('--apply <when>', 'move-now: what runs moves to its better server; new-only: it stays')
        .choices(['new-only', 'move-now'])
        .default('move-now'),
    )
    .action(async (servers: string[], options: Omit<PlannedOrder, 'dryRun'>, command: Command) =>
      (await import('../server/order.ts')).order(globalsOf(command), servers, { ...options, dryRun: true }),
    );
  plan
    .command('limit <server> <slots>')
    .description('what this limit would start or leave over; as "server limit --dry-run"')
    .action(async (server: string, slots: string, _options: object, command: Command) =>
      (await import('../server/limit.ts')).limit(globalsOf(command), server, slots, { dryRun: true }),
    );
}
