/** `locum dev`: what can be said. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { wholeNumber } from '../globals.ts';
import type { DevOptions } from './dev.ts';

const MAX_AGENTS = 50;
const MAX_CONTROLLERS = 5;
const MAX_PORT = 65_535;

export function define(dev: Command): void {
  dev
    .option('--agents <n>', 'how many agents', wholeNumber(1, MAX_AGENTS), 3)
    .addOption(
      new Option('--timers <set>', 'default: as in production; short: a tenth of it')
        .choices(['default', 'short'])
        .default('default'),
    )
    .option('--controllers <n>', 'how many controllers; several need --store etcd', wholeNumber(1, MAX_CONTROLLERS), 1)
    .addOption(
      new Option('--store <kind>', 'sqlite: a file; etcd: three members on this machine')
        .choices(['sqlite', 'etcd'])
        .default('sqlite'),
    )
    .option('--data <folder>', 'keep everything in this folder (default: a temporary one, removed at the end)')
    .option('--api-port <port>', 'port of the API', wholeNumber(1, MAX_PORT), 7400)
    .option('--agent-port <port>', 'port for agents', wholeNumber(1, MAX_PORT), 7401)
    .option('--no-examples', 'without the example policies')
    .option('--verbose', 'show every line that the processes write')
    .action(async (options: DevOptions) => (await import('./dev.ts')).dev(options));
  dev
    .command('kill <server>')
    .description('SIGKILL to agent, keeper and policies of a server of the cluster in --data, as when the power fails')
    .action(async (server: string, _: object, command: Command) =>
      (await import('./kill.ts')).killServer(server, command.optsWithGlobals<{ readonly data?: string }>().data),
    );
}
