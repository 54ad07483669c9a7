/**
 * Where a database file is, and whether a store may live there.
 *
 * Nothing in this file opens the database: a POSIX lock ends when its process closes any descriptor of the file, so one
 * `readFileSync` would let a second controller in. `stat` is harmless.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../../shared/caught-error.ts';
import { StoreError } from './store.ts';

/**
 * What tells a file from its copies. A copy on the same machine has another inode or time of birth, one on another machine
 * another machine id. A moved file counts as a copy too: its log (`-wal`) with the newest commits may have been left behind.
 * Device numbers are left out: they change at a restart. Content put back into the same file in place is not seen here.
 */
export interface FileIdentity {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Of systemd; empty where there is none. */
  readonly machineId: string;
  readonly inode: bigint;
  /** 0 where the file system does not keep it. */
  readonly bornNs: bigint;
}

export function placeOf(file: string): FileIdentity {
  const { ino, birthtimeNs } = statSync(file, { bigint: true });
  return { path: realpathSync(file), machineId: machineId(), inode: ino, bornNs: birthtimeNs };
}

export const samePlace = (a: FileIdentity, b: FileIdentity): boolean =>
  a.path === b.path && a.machineId === b.machineId && a.inode === b.inode && a.bornNs === b.bornNs;

/** Whether the path still leads to the file that was opened, and not to nothing or to a replacement. */
export function isStillAt(file: string, inode: bigint): boolean {
  return statSync(file, { bigint: true, throwIfNoEntry: false })?.ino === inode;
}

function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim();
  } catch {
    return '';
  }
}

/** `statfs` types (linux/magic.h and the file systems' own headers) on which locks may not hold against other machines. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB 2'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x65735546, 'FUSE'],
]);

/** The name of the network file system that this `statfs` type stands for, or undefined for a local one. */
export function networkFileSystem(type: number): string | undefined {
  // A type with the highest of its 32 bits set may come as a negative number.
  return NETWORK_FILE_SYSTEMS.get(type >>> 0);
}

/** Asks the system for the type of the file system that a folder is on. */
export const fileSystemType = async (folder: string): Promise<number> => (await statfs(folder)).type;

/** Refuses a folder that is not there, is no folder, or is on a network file system. */
export async function checkFolder(file: string, typeOf = fileSystemType): Promise<void> {
  const folder = dirname(file);
  const found = await stat(folder).catch((error: unknown) => {
    throw new StoreError(
      'STORE_UNAVAILABLE',
      `The folder ${folder} can't be used (${messageOf(error)}). Create it first.`,
      {
        cause: error,
      },
    );
  });
  if (!found.isDirectory()) {
    throw new StoreError('STORE_UNAVAILABLE', `${folder} is not a folder: ${file} can't be in it.`);
  }
  const network = networkFileSystem(await typeOf(folder));
  if (network !== undefined) {
    const advice = 'Its locks do not keep a second machine out: use a local disk, or etcd for several controllers.';
    throw new StoreError('STORE_UNAVAILABLE', `${folder} is on a network file system (${network}). ${advice}`);
  }
}
