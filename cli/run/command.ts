/** `locum run …`: what can be said; the actions stand beside this file. */
import { type Command, InvalidArgumentError } from 'commander';
import {
  addDryRun,
  addSelector,
  addTableOptions,
  type DryRunOption,
  globalsOf,
  parseMoment,
  wholeNumber,
  YES,
} from '../globals.ts';
import type { WaitOptions } from '../wait.ts';
import type { ReleaseOptions } from './change.ts';
import type { ListOptions } from './list.ts';
import type { LogsOptions } from './logs.ts';

function epochNumber(text: string): bigint {
  if (!/^\d{1,16}$/.test(text))
    throw new InvalidArgumentError('use the epoch of an attempt, as "locum run show" prints it');
  return BigInt(text);
}

export function define(run: Command): void {
  addSelector(
    addTableOptions(
      run
        .command('list')
        .description('runs, newest first')
        .option('--policy <policy>', 'only of this policy')
        .option('--server <server>', 'only on this server')
        .option('-a, --all', 'also runs that have ended')
        .option(
          '--ended',
          'history: runs that have ended, by whom they were created, how long they took, where, and with what end',
        )
        .option('-w, --watch', 'go on with changes'),
    ),
    'runs whose policy has labels that meet this',
  ).action(async (options: ListOptions, command: Command) =>
    (await import('./list.ts')).list(globalsOf(command), options),
  );
  run
    .command('show <run>')
    .description('where a run stands, why, and all its attempts')
    .action(async (id: string, _options: object, command: Command) =>
      (await import('./show.ts')).show(globalsOf(command), id),
    );
  run
    .command('logs <run>')
    .description("output of a run's newest attempt; of a policy: of its newest run")
    .option('-f, --follow', 'go on with new output, on the next server too, until the run ends')
    .option('--tail <lines>', 'only the last lines', wholeNumber(0))
    .option('--since <time>', 'only lines of the last span (10m), or from a time (2026-11-27T08:30) on', parseMoment)
    .option('--until <time>', 'only lines up to then', parseMoment)
    .option('--timestamps', 'each line with the time at which its server read it')
    .option('--previous', 'of the attempt before the newest')
    .option('--all', 'of all attempts, the oldest first')
    .option('--epoch <epoch>', 'of this attempt', epochNumber)
    .option('--offset <bytes>', 'from this offset of the whole output on', wholeNumber(0))
    .action(async (id: string, options: LogsOptions, command: Command) =>
      (await import('./logs.ts')).logs(globalsOf(command), id, options),
    );
  addDryRun(
    run
      .command('move <run> [server]')
      .description('move a run: reserve, stop, confirm, start (default: to its best server)'),
  ).action(async (id: string, server: string | undefined, options: DryRunOption, command: Command) =>
    (await import('./change.ts')).move(globalsOf(command), id, server, options),
  );
  addDryRun(run.command('stop <run>').description('stop a run')).action(
    async (id: string, options: DryRunOption, command: Command) =>
      (await import('./change.ts')).stop(globalsOf(command), id, options),
  );
  addDryRun(
    run
      .command('release <run>')
      .description('end a BACKOFF now, or give up an attempt that is STUCK')
      .option('--abandon-attempt', 'treat the STUCK attempt as ended although its processes may live')
      .option('--reason <text>', 'why; kept in the event log')
      .option(...YES),
  ).action(async (id: string, options: ReleaseOptions, command: Command) =>
    (await import('./change.ts')).release(globalsOf(command), id, options),
  );
  run
    .command('wait <run>')
    .description('wait until a run is running, ended, succeeded, failed or stopped')
    .requiredOption('--for <state>', 'what to wait for')
    .action(async (id: string, options: WaitOptions, command: Command) =>
      (await import('./wait.ts')).wait(globalsOf(command), id, options),
    );
}
