/** `locum server …`: what can be said; the actions stand beside this file. */
import { type Command, Option } from 'commander';
import {
  addDryRun,
  addSelector,
  addTableOptions,
  type DryRunOption,
  globalsOf,
  parseSpan,
  wholeNumber,
  YES,
} from '../globals.ts';
import type { WaitOptions } from '../wait.ts';
import type { ConfirmDeadOptions } from './confirm-dead.ts';
import type { DeleteServerOptions } from './delete.ts';
import type { DrainOptions } from './intent.ts';
import type { ListServersOptions } from './list.ts';
import type { OrderOptions, PlaceOptions } from './order.ts';
import type { RevokeOptions } from './revoke.ts';

const MAX_RANK = 100_000;

function addOrderOptions(command: Command): Command {
  return addDryRun(
    command
      .addOption(
        new Option('--apply <when>', 'new-only: what runs stays; move-now: it moves to its better server')
          .choices(['new-only', 'move-now'])
          .default('new-only'),
      )
      .option('--etag <etag>', "only if this is still the order's etag"),
  );
}

export function define(server: Command): void {
  addSelector(
    addTableOptions(
      server
        .command('list')
        .description('servers in rank order; the first is the primary')
        .option('--pool <pool>', 'only of this pool')
        .option('-w, --watch', 'go on with changes'),
    ),
    'servers whose labels meet this',
  ).action(async (options: ListServersOptions, command: Command) =>
    (await import('./list.ts')).list(globalsOf(command), options),
  );
  server
    .command('show <server>')
    .description('everything that is known about a server')
    .action(async (name: string, _options: object, command: Command) =>
      (await import('./show.ts')).show(globalsOf(command), name),
    );
  addTableOptions(
    server
      .command('capabilities')
      .description('the capability map: what is there, and who has it')
      .option('--pool <pool>', 'only of servers of this pool'),
  ).action(async (options: { pool?: string }, command: Command) =>
    (await import('./capabilities.ts')).capabilities(globalsOf(command), options),
  );
  defineOrder(server);
  defineIntent(server);
  defineCertificates(server);
  addDryRun(
    server
      .command('limit <server> <slots>')
      .description('set the limit of slots ("default": the pool\'s); what runs over it goes on'),
  ).action(async (name: string, slots: string, options: DryRunOption, command: Command) =>
    (await import('./limit.ts')).limit(globalsOf(command), name, slots, options),
  );
  server
    .command('wait <server>')
    .description('wait until a server is alive, available, suspect, missing, left, drained or gone')
    .requiredOption('--for <state>', 'what to wait for')
    .action(async (name: string, options: WaitOptions, command: Command) =>
      (await import('./wait.ts')).wait(globalsOf(command), name, options),
    );
}

function defineCertificates(server: Command): void {
  server
    .command('revoke <server>')
    .summary('refuse the certificates that a server was given so far; its stream ends')
    .description(
      'Refuses the certificates that a server was given so far: its stream ends, what runs there ends with its leases, and it has to join anew.',
    )
    .option('--reason <text>', 'why; kept in the event log')
    .option(...YES)
    .action(async (name: string, options: RevokeOptions, command: Command) =>
      (await import('./revoke.ts')).revoke(globalsOf(command), name, options),
    );
  addTableOptions(server.command('revoked'))
    .description('servers whose certificates were revoked')
    .action(async (_options: object, command: Command) => (await import('./revoke.ts')).revoked(globalsOf(command)));
}

function defineOrder(server: Command): void {
  addOrderOptions(
    server
      .command('order [servers...]')
      .description('print the order of a pool, or set it: every server once, best first')
      .option('--pool <pool>', 'the pool', 'default'),
  ).action(async (servers: string[], options: OrderOptions & { pool: string }, command: Command) =>
    (await import('./order.ts')).order(globalsOf(command), servers, options),
  );
  const steps = [
    ['promote', 'one rank up'],
    ['demote', 'one rank down'],
    ['make-primary', 'to rank 1'],
  ] as const;
  for (const [step, where] of steps) {
    addOrderOptions(server.command(`${step} <server>`).description(`move a server ${where}`)).action(
      async (name: string, options: OrderOptions, command: Command) =>
        (await import('./order.ts')).change(globalsOf(command), name, step, options),
    );
  }
  addOrderOptions(
    server
      .command('move <server>')
      .description('move a server to a rank, or next to another one')
      .addOption(
        new Option('--rank <rank>', 'to this rank').argParser(wholeNumber(1, MAX_RANK)).conflicts(['before', 'after']),
      )
      .addOption(new Option('--before <server>', 'just before this one').conflicts(['after']))
      .option('--after <server>', 'just after this one'),
  ).action(async (name: string, options: PlaceOptions, command: Command) =>
    (await import('./order.ts')).place(globalsOf(command), name, options),
  );
}

function defineIntent(server: Command): void {
  addDryRun(server.command('cordon <server>').description('no new placements; what runs goes on')).action(
    async (name: string, options: DryRunOption, command: Command) =>
      (await import('./intent.ts')).cordon(globalsOf(command), name, options),
  );
  addDryRun(server.command('uncordon <server>').description('end a cordon or a drain')).action(
    async (name: string, options: DryRunOption, command: Command) =>
      (await import('./intent.ts')).uncordon(globalsOf(command), name, options),
  );
  addDryRun(
    server
      .command('drain <server>')
      .description('move all runs away, each once it has room elsewhere')
      .option('--let-finish', 'do not move runs of on-demand and scheduled policies: they may finish')
      .option('--deadline <span>', 'stop what is left after this time', parseSpan)
      .option('--wait', 'return when the server is empty'),
  ).action(async (name: string, options: DrainOptions, command: Command) =>
    (await import('./intent.ts')).drain(globalsOf(command), name, options),
  );
  addDryRun(
    server
      .command('confirm-dead <server>')
      .description('say that a MISSING server is dead: its runs start elsewhere at once')
      .requiredOption('--reason <text>', 'how you know; kept in the event log')
      .option(...YES),
  ).action(async (name: string, options: ConfirmDeadOptions, command: Command) =>
    (await import('./confirm-dead.ts')).confirmDead(globalsOf(command), name, options),
  );
  addDryRun(
    server
      .command('delete <server>')
      .description('forget a server that is MISSING or has LEFT')
      .option('--etag <etag>', "only if this is still the server's etag")
      .option(...YES),
  ).action(async (name: string, options: DeleteServerOptions, command: Command) =>
    (await import('./delete.ts')).remove(globalsOf(command), name, options),
  );
}
