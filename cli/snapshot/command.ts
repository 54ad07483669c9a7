/** `locum snapshot save|inspect|restore`. */
import type { Command } from 'commander';
import { globalsOf } from '../globals.ts';
import type { RestoreOptions } from './restore.ts';

export function define(snapshot: Command): void {
  snapshot
    .command('save')
    .description('write everything in the store to a file')
    .argument('<file>', 'file to create')
    .action(async (file: string, _options: object, command: Command) =>
      (await import('./save.ts')).save(globalsOf(command), file),
    );
  snapshot
    .command('inspect')
    .description('check a snapshot file and show what is in it')
    .argument('<file>', 'snapshot file')
    .action(async (file: string) => (await import('./inspect.ts')).inspect(file));
  snapshot
    .command('restore')
    .description('make a new store from a snapshot, as its next incarnation')
    .argument('<file>', 'snapshot file')
    .option(
      '--store <store>',
      'store to make: "sqlite:FILE" or "etcd://HOST,HOST,HOST/PREFIX" (default: that of --config)',
    )
    .option('--config <file>', 'configuration file of the controllers (YAML): their store, and how etcd is reached')
    .action(async (file: string, options: RestoreOptions) => (await import('./restore.ts')).restore(file, options));
}
