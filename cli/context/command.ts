/** `locum context`: works on the file of contexts, without a controller. */
import type { Command } from 'commander';
import { addTableOptions, globalsOf } from '../globals.ts';
import type { SetOptions } from './change.ts';

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

export function define(context: Command): void {
  addTableOptions(context.command('list'))
    .description('the contexts there are; "*" is the one that is used')
    .action(async (_options: object, command: Command) => (await import('./list.ts')).list(globalsOf(command)));
  context
    .command('show')
    .description('what a context says, secrets masked (default: the one that is used)')
    .argument('[context]', 'name of a context')
    .option('--effective', 'what a command would use here, and where each setting comes from')
    .action(async (name: string | undefined, options: { effective?: boolean }, command: Command) => {
      const { show, showEffective } = await import('./show.ts');
      return options.effective === true ? showEffective(command, name) : show(command, name);
    });
  context
    .command('use')
    .description('use this context where no other is named')
    .argument('<context>', 'name of a context')
    .action(async (name: string) => (await import('./change.ts')).use(name));
  context
    .command('set')
    .description('make a context, or change what is given; as in: set prod --address c1:7400,c2:7400 --ca-file ca.crt')
    .argument('<context>', 'its name: letters, digits, ".", "_" and "-"')
    .option('--tls', 'speak TLS, with controllers for which the authorities of the system stand')
    .option('--cert-file <file>', 'certificate of the caller (PEM)')
    .option('--key-file <file>', 'its key (PEM)')
    .option('--token <token>', 'token that says who calls; "-" reads it from standard input')
    .option('--token-command <command>', 'for the shell: prints the token, as "gcloud auth print-identity-token" does')
    .option('--unset <field>', 'take this field out: address, tls, token, output; may be repeated', collect)
    .option('--use', 'use it where no other is named')
    .action(async (name: string, options: SetOptions, command: Command) =>
      (await import('./change.ts')).set(command, name, options),
    );
  context
    .command('delete')
    .description('take a context out of the file')
    .argument('<context>', 'name of a context')
    .action(async (name: string) => (await import('./change.ts')).remove(name));
}
