/** `locum controller`. A flag wins over the field of the same name in the configuration file. */
import type { Command } from 'commander';
import { wholeNumber } from '../globals.ts';
import { addLogOptions } from '../log-options.ts';
import type { ControllerOptions } from './flags.ts';

/** Each is a field of the configuration, too. */
export function addControllerOptions(controller: Command): Command {
  controller
    .option('--config <file>', 'configuration file (YAML)')
    .option('--api-listen <host:port>', 'where people and programs connect (default: 127.0.0.1:7400)')
    .option('--agent-listen <host:port>', 'where agents connect (default: 127.0.0.1:7401)')
    .option('--data-dir <folder>', 'folder of the store, or of what was seen of etcd (default: ~/.local/state/locum)')
    .option(
      '--store <store>',
      '"sqlite:FILE", "etcd://HOST,HOST,HOST/PREFIX", or "memory:", which forgets everything at the end',
    )
    .option('--id <id>', 'name among the controllers that share the store (default: host name and API port)')
    .option('--api-advertise <host:port>', 'where others reach the API (default: where it listens)')
    .option('--agent-advertise <host:port>', 'where agents reach this controller (default: where it listens)')
    .option('--election-ttl <seconds>', 'how long a silent leader keeps the lead (default: 5)', wholeNumber(1, 60))
    .option('--tls', 'TLS on both listeners, on loopback too (default: where one of them is not on loopback)')
    .option('--open', 'ask nobody who he is: whoever reaches the API may do everything (on loopback only)')
    .option('--insecure', 'no encryption, on addresses other than loopback neither')
    .option('--adopt-store', 'take over a store that was copied, moved or set back, as its next incarnation');
  return addLogOptions(controller);
}

export function define(controller: Command): void {
  addControllerOptions(controller).action(async (options: ControllerOptions) =>
    (await import('./start.ts')).start(options),
  );
}
