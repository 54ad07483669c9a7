/** `locum certificate`: works on the files of an authority, without a controller. */
import type { Command } from 'commander';
import type { IssueOptions } from './issue.ts';

export function define(certificate: Command): void {
  certificate
    .command('issue')
    .argument('<identity>', 'whom it is for: server/web-1, user/ann or controller/c1')
    .description('sign a certificate with the authority of the cluster, where its key is')
    .requiredOption('--out <folder>', 'folder for tls.crt, tls.key and ca.crt; made for its owner only')
    .option(
      '--data-dir <folder>',
      'data folder of the controller, which has the authority (default: ~/.local/state/locum)',
    )
    .option('--pool <pool>', 'the only pool that this server may join (default: any)')
    .option('--days <number>', 'how long it lasts (default: 90)')
    .action(async (identity: string, options: IssueOptions) => (await import('./issue.ts')).issue(identity, options));
}
