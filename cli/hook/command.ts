/** `locum hook list|show|test|forget`. */
import type { Command } from 'commander';
import { addDryRun, addTableOptions, globalsOf, YES } from '../globals.ts';
import type { ForgetOptions } from './forget.ts';

export function define(hook: Command): void {
  addTableOptions(hook.command('list'))
    .description('hooks, how far each is, and whether it takes events')
    .action(async (_options: object, command: Command) => (await import('./list.ts')).list(globalsOf(command)));
  hook
    .command('show <hook>')
    .description('one hook, with its filter and why it takes nothing')
    .action(async (name: string, _options: object, command: Command) =>
      (await import('./show.ts')).show(globalsOf(command), name),
    );
  hook
    .command('test <hook>')
    .description('send it a test event now, and print what it answers')
    .action(async (name: string, _options: object, command: Command) =>
      (await import('./test.ts')).test(globalsOf(command), name),
    );
  addDryRun(
    hook
      .command('forget <hook>')
      .description('forget how far a hook is that is not configured any more')
      .option(...YES),
  ).action(async (name: string, options: ForgetOptions, command: Command) =>
    (await import('./forget.ts')).forget(globalsOf(command), name, options),
  );
}
