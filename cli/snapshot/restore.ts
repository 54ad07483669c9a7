/** `locum snapshot restore`. */
import { readFileSync } from 'node:fs';
import { loadControllerSettings } from '../../controller/config/config.ts';
import { decodeSnapshot, restoreSnapshot } from '../../controller/snapshot/snapshot.ts';
import { CommandFailure } from '../exit-codes.ts';
import { printLine } from '../output/print.ts';

export interface RestoreOptions {
  /** Default: the store of `config`. */
  readonly store?: string;
  /** Configuration file of the controllers that will use the store: where it is, and how etcd is reached. */
  readonly config?: string;
}

export async function restore(file: string, options: RestoreOptions): Promise<void> {
  const { config } = options;
  const settings =
    config === undefined ? undefined : loadControllerSettings({ file: config, flags: {}, env: process.env });
  // A default is that of this user, not of the service whose file it is.
  const store = options.store ?? (settings?.storeIsDefault ? undefined : settings?.store);
  if (store === undefined && config !== undefined) {
    throw new CommandFailure(`${config} names neither store nor data_directory: name the store to make with --store`);
  }
  if (store === undefined) throw new CommandFailure('name the store to make: --store, or --config with a store in it');
  const access = settings?.etcdAccess === undefined ? {} : { etcd: settings.etcdAccess };
  const restored = await restoreSnapshot(decodeSnapshot(readFileSync(file)), store, access);
  printLine(`Restored ${restored.records} records into ${store}, incarnation ${restored.incarnation}.`);
  printLine('The first leader adopts what runs, and starts nothing before all that ran earlier is dead for certain.');
}
