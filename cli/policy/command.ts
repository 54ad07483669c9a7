/** `locum policy …`: what can be said; the actions stand beside this file. */
import type { Command } from 'commander';
import { addDryRun, globalsOf, YES } from '../globals.ts';
import type { WaitOptions } from '../wait.ts';
import type { ApplyOptions } from './apply.ts';
import type { StartOptions } from './start.ts';

export function define(policy: Command): void {
  addDryRun(
    policy
      .command('apply')
      .description('create or replace policies from YAML files; unknown fields are refused')
      .requiredOption('-f, --file <file...>', 'YAML files, folders of them, or "-" for standard input'),
  ).action(async (options: ApplyOptions, command: Command) =>
    (await import('./apply.ts')).apply(globalsOf(command), options),
  );
  policy
    .command('list')
    .description('policies, where they run, and what they wait for')
    .option('--pool <pool>', 'only of this pool')
    .option('-w, --watch', 'go on with changes')
    .action(async (options: { pool?: string; watch?: boolean }, command: Command) =>
      (await import('./list.ts')).list(globalsOf(command), options),
    );
  policy
    .command('show <policy>')
    .description('a policy with its runs')
    .action(async (id: string, _options: object, command: Command) =>
      (await import('./show.ts')).show(globalsOf(command), id),
    );
  policy
    .command('explain <policy>')
    .description('for every server, why a run would or would not be placed there now')
    .action(async (id: string, _options: object, command: Command) =>
      (await import('./explain.ts')).explain(globalsOf(command), id),
    );
  addDryRun(
    policy
      .command('start <policy> [arguments...]')
      .description('start a run; arguments after "--" are appended to its command')
      .option('--wait', 'return when the run has ended: 0 if it succeeded'),
  ).action(async (id: string, words: string[], options: StartOptions, command: Command) =>
    (await import('./start.ts')).start(globalsOf(command), id, words, options),
  );
  const changes = [
    ['stop', 'stop all runs; a continuous policy is paused by it'],
    ['restart', 'stop and start all runs, with the policy as it is now'],
    ['pause', 'start no new runs; what runs goes on'],
    ['resume', 'end a pause'],
  ] as const;
  for (const [verb, description] of changes) {
    policy
      .command(`${verb} <policy>`)
      .description(description)
      .action(async (id: string, _options: object, command: Command) =>
        (await import('./change.ts')).change(globalsOf(command), id, verb),
      );
  }
  policy
    .command('delete <policy>')
    .description('stop all runs of a policy and forget it')
    .option('--etag <etag>', "only if this is still the policy's etag")
    .option(...YES)
    .action(async (id: string, options: { etag?: string; yes?: boolean }, command: Command) =>
      (await import('./change.ts')).remove(globalsOf(command), id, options),
    );
  policy
    .command('wait <policy>')
    .description('wait until a policy is running (all runs it should have) or idle (none)')
    .requiredOption('--for <state>', 'what to wait for')
    .action(async (id: string, options: WaitOptions, command: Command) =>
      (await import('./wait.ts')).wait(globalsOf(command), id, options),
    );
}
