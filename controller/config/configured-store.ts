/** Opens the store that the settings name, with what it needs of them. */
import { basename, dirname } from 'node:path';
import type { Logger } from '../../shared/log.ts';
import { PKI_FOLDER } from '../access/cluster-authority.ts';
import { openStore } from '../store/open.ts';
import { keepFolderPrivate } from '../store/private-folder.ts';
import type { Store } from '../store/store.ts';
import type { ControllerSettings } from './config.ts';
import { controllerId } from './controller-id.ts';

/** As docs/operations.md names the file of the audit, and what this controller keeps beside it. */
const AUDIT_FILE = /^audit[.-]/;

/** Rejects with a StoreError. */
export async function openConfiguredStore(options: ControllerSettings & { readonly log: Logger }): Promise<Store> {
  const { store, adoptStore, etcdAccess, electionTtlMs, dataDirectory: folder, log } = options;
  const isDefault = options.dataDirectoryIsDefault;
  const file = /^sqlite:(.+)$/s.exec(store)?.[1];
  if (file !== undefined) {
    const isOurs = (name: string): boolean =>
      name.startsWith(basename(file)) || AUDIT_FILE.test(name) || name === PKI_FOLDER;
    const problem = keepFolderPrivate(dirname(file), isOurs);
    if (problem !== undefined) log.warn(`the store is not safe from other users: ${problem}`);
  }
  return openStore(store, {
    adoptCopy: adoptStore,
    etcd: {
      ...etcdAccess,
      ...(electionTtlMs === undefined ? {} : { electionTtlMs }),
      ...(folder === undefined ? {} : { seen: { folder, isDefault, controller: controllerId(options) } }),
    },
    warn: (warning) => log.warn(warning),
  });
}
