/** `locum controller`. A flag wins over the field of the same name in the configuration file. */
import type { Command } from 'commander';
import { addLogOptions } from '../log-options.ts';
import type { ControllerOptions } from './start.ts';

export function define(controller: Command): void {
  controller
    .option('--config <file>', 'configuration file (YAML)')
    .option('--api-listen <host:port>', 'where people and programs connect (default: 127.0.0.1:7400)')
    .option('--agent-listen <host:port>', 'where agents connect (default: 127.0.0.1:7401)')
    .option('--data-dir <folder>', 'folder of the store (default: ~/.local/state/locum)')
    .option('--store <store>', '"sqlite:FILE", or "memory:", which forgets everything at the end')
    .option('--insecure', 'allow listeners without encryption on addresses other than loopback')
    .option('--adopt-store', 'take over a store that was copied or moved, as its next incarnation');
  addLogOptions(controller).action(async (options: ControllerOptions) => (await import('./start.ts')).start(options));
}
