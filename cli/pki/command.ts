/** `locum pki …`: the certificate authority of the cluster, and its change for another one. */
import type { Command } from 'commander';
import { addDryRun, globalsOf, YES } from '../globals.ts';
import type { RotateOptions } from './rotate.ts';
import type { TrustOptions } from './trust.ts';

export function define(pki: Command): void {
  pki
    .command('status')
    .description(
      'roots of the authority, how far its change for another one is, and who is not ready for the next step',
    )
    .action(async (_options: object, command: Command) => (await import('./status.ts')).status(globalsOf(command)));
  defineRotate(
    pki.command('rotate').description('change the authority for another one, in three steps (docs/tasks.md)'),
  );
  pki
    .command('trust')
    .description('write the roots that the controllers trust into the file by which this context knows them')
    .option('--out <file>', 'into this file instead')
    .action(async (options: TrustOptions, command: Command) =>
      (await import('./trust.ts')).trust(globalsOf(command), options),
    );
  pki
    .command('new-root')
    .argument('<folder>', 'folder for ca.crt and ca.key; made for its owner only')
    .description('make a root for "rotate begin --certificate", where controllers share its key as a file')
    .action(async (folder: string, _options: object, command: Command) =>
      (await import('./make.ts')).newRoot(globalsOf(command), folder),
    );
  pki
    .command('new-wrapping-key')
    .argument('<file>', 'file whose first line it becomes; made for its owner only')
    .description('make a key with which the store keeps that of the authority (tls.wrapping_key_file)')
    .action(async (file: string) => (await import('./make.ts')).newWrapping(file));
}

function defineRotate(rotate: Command): void {
  const begin = rotate
    .command('begin')
    .description('trust a second root: one that is made, or that of a file')
    .option('--certificate <file>', 'PEM of the new root, whose key all controllers have');
  const next = rotate.command('switch').description('let the new root sign; everybody renews');
  const finish = rotate.command('finish').description('trust the old root no more');
  const abort = rotate.command('abort').description('give the new root up before it signs');
  for (const step of [next, finish])
    step.option('--force', 'although servers are not ready; what is left behind has to join anew');
  for (const [name, step] of Object.entries({ begin, switch: next, finish, abort }))
    addDryRun(step)
      .option(...YES)
      .action(async (options: RotateOptions, command: Command) => {
        const { rotate: take, stepOf } = await import('./rotate.ts');
        await take(globalsOf(command), stepOf(name), options);
      });
}
