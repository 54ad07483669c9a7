/** `locum policy …`: what can be said; the actions stand beside this file. */
import type { Command } from 'commander';
import { addDryRun, addSelector, addTableOptions, globalsOf, type SelectorOption, YES } from '../globals.ts';
import type { WaitOptions } from '../wait.ts';
import type { ApplyOptions } from './apply.ts';
import type { ChangeOptions, DeletePoliciesOptions } from './change.ts';
import type { ListPoliciesOptions } from './list.ts';
import type { RenameOptions } from './rename.ts';
import type { StartOptions } from './start.ts';

const LABELS = 'policies whose labels meet this';

export function define(policy: Command): void {
  defineFiles(policy);
  defineLooks(policy);
  defineVerbs(policy);
}

/** Policies as files. */
function defineFiles(policy: Command): void {
  addDryRun(
    policy
      .command('apply')
      .description('create or replace policies from YAML files; unknown fields are refused')
      .requiredOption('-f, --file <file...>', 'YAML files, folders of them, or "-" for standard input'),
  ).action(async (options: ApplyOptions, command: Command) =>
    (await import('./apply.ts')).apply(globalsOf(command), options),
  );
  policy
    .command('diff')
    .description('what "apply" would change; exit code 6 if there is anything')
    .requiredOption('-f, --file <file...>', 'YAML files, folders of them, or "-" for standard input')
    .action(async (options: ApplyOptions, command: Command) =>
      (await import('./apply.ts')).diff(globalsOf(command), options),
    );
  policy
    .command('init [kind]')
    .description('print a file to begin with: continuous (the default), schedule or on-demand')
    .action(async (kind = 'continuous') => (await import('./init.ts')).init(kind));
  policy
    .command('edit <policy>')
    .description('change a policy in your editor ($VISUAL, $EDITOR)')
    .action(async (id: string, _options: object, command: Command) =>
      (await import('./edit.ts')).edit(globalsOf(command), id),
    );
}

function defineLooks(policy: Command): void {
  addSelector(
    addTableOptions(
      policy
        .command('list')
        .description('policies, where they run, and what they wait for; -o yaml: as files')
        .option('--pool <pool>', 'only of this pool')
        .option('-w, --watch', 'go on with changes'),
    ),
    LABELS,
  ).action(async (options: ListPoliciesOptions, command: Command) =>
    (await import('./list.ts')).list(globalsOf(command), options),
  );
  addSelector(
    policy.command('show [policies...]').description('policies with their runs; -o yaml: as a file that "apply" takes'),
    LABELS,
  ).action(async (ids: string[], options: SelectorOption, command: Command) =>
    (await import('./show.ts')).show(globalsOf(command), ids, options),
  );
  addTableOptions(
    policy
      .command('explain <policy>')
      .description('for every server, why a run would or would not be placed there now'),
  ).action(async (id: string, _options: object, command: Command) =>
    (await import('./explain.ts')).explain(globalsOf(command), id),
  );
  policy
    .command('wait <policy>')
    .description('wait until a policy is running (all runs it should have) or idle (none)')
    .requiredOption('--for <state>', 'what to wait for')
    .action(async (id: string, options: WaitOptions, command: Command) =>
      (await import('./wait.ts')).wait(globalsOf(command), id, options),
    );
}

function defineVerbs(policy: Command): void {
  policy
    .command('rename <policy> <name>')
    .description('give a policy another name: its runs stop, and start under it; the old name leads there')
    .option('--dry-run', 'check everything, show what would happen, change nothing')
    .option(...YES)
    .action(async (from: string, to: string, options: RenameOptions, command: Command) =>
      (await import('./rename.ts')).rename(globalsOf(command), from, to, options),
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
    addDryRun(addSelector(policy.command(`${verb} [policies...]`).description(description), LABELS)).action(
      async (ids: string[], options: ChangeOptions, command: Command) =>
        (await import('./change.ts')).change(globalsOf(command), ids, verb, options),
    );
  }
  addDryRun(
    addSelector(
      policy
        .command('delete [policies...]')
        .description('stop all runs of policies and forget them')
        .option('-f, --file <file...>', 'the policies in these YAML files or folders')
        .option('--etag <etag>', "only if this is still the policy's etag")
        .option(...YES),
      LABELS,
    ),
  ).action(async (ids: string[], options: DeletePoliciesOptions, command: Command) =>
    (await import('./change.ts')).remove(globalsOf(command), ids, options),
  );
}
