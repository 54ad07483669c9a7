/** `locum pool …`: what can be said; the actions stand beside this file. */
import { type Command, Option } from 'commander';
import { addDryRun, addTableOptions, globalsOf, parseSpan, wholeNumber, YES } from '../globals.ts';
import type { DeletePoolOptions, PoolOptions } from './change.ts';

const MAX_SLOTS = 100_000;

function addPoolOptions(command: Command): Command {
  return addDryRun(
    command
      .option('--heartbeat-interval <span>', 'how often agents send a heartbeat', parseSpan)
      .option('--suspect-after <span>', 'silence after which a server gets no new work', parseSpan)
      .option('--lease <span>', 'how long a granted heartbeat lets runs go on', parseSpan)
      .option('--stop-timeout <span>', 'from SIGTERM to SIGKILL, for policies that set none', parseSpan)
      .option('--kill-guard <span>', 'for wake-up, SIGKILL and reaping after that', parseSpan)
      .option('--missing-after <span>', 'silence after which a server is MISSING', parseSpan)
      .option('--default-max-slots <n>', 'slots of servers without a limit of their own', wholeNumber(0, MAX_SLOTS))
      .addOption(
        new Option('--default-failback <when>', 'of policies that set none').choices([
          'never',
          'on-next-start',
          'auto',
          'manual',
        ]),
      ),
  );
}

export function define(pool: Command): void {
  addTableOptions(pool.command('list'))
    .description('pools by name')
    .option('-w, --watch', 'go on with changes')
    .action(async (options: { watch?: boolean }, command: Command) =>
      (await import('./list.ts')).list(globalsOf(command), options),
    );
  pool
    .command('show [pool]')
    .description('timers and defaults of a pool (default: "default")')
    .action(async (id: string | undefined, _options: object, command: Command) =>
      (await import('./list.ts')).show(globalsOf(command), id ?? 'default'),
    );
  addPoolOptions(
    pool
      .command('set <pool>')
      .description('change timers or defaults; what is not named stays')
      .option('--etag <etag>', "only if this is still the pool's etag"),
  ).action(async (id: string, options: PoolOptions, command: Command) =>
    (await import('./change.ts')).set(globalsOf(command), id, options),
  );
  addPoolOptions(pool.command('create <pool>').description('create a pool; unset timers take their defaults')).action(
    async (id: string, options: PoolOptions, command: Command) =>
      (await import('./change.ts')).create(globalsOf(command), id, options),
  );
  addDryRun(
    pool
      .command('delete <pool>')
      .description('delete a pool without servers and policies')
      .option('--etag <etag>', "only if this is still the pool's etag")
      .option(...YES),
  ).action(async (id: string, options: DeletePoolOptions, command: Command) =>
    (await import('./change.ts')).remove(globalsOf(command), id, options),
  );
}
