/** The folder that makes a keeper itself: whoever holds its lock is the keeper of everything in it. */
import { join, resolve } from 'node:path';
import { type FileLock, takeFileLock } from '../shared/host/file-lock.ts';
import { overwriteFile } from '../shared/host/overwrite-file.ts';
import { makePrivateFolder } from '../shared/host/own-folder.ts';
import { processEntry } from '../shared/host/process-table.ts';
import { KEEPER_PID_FILE, keeperOf, stateKeyOf } from '../shared/keeper/state-key.ts';

export interface StateDirectory {
  readonly path: string;
  /**
   * Names this folder in cgroups and environments: 16 hex digits. A copy of the folder has another one, so a keeper of a copy
   * never takes the original's processes for its leftovers.
   */
  readonly key: string;
  release(): void;
}

/** Another keeper is at work in the state directory. */
export class KeeperRunningError extends Error {
  override readonly name = 'KeeperRunningError';
}

/** Makes the folder private and takes its lock. A full disk keeps nobody from either. @throws KeeperRunningError, ExposedFileError */
export async function claimStateDirectory(directory: string): Promise<StateDirectory> {
  const path = resolve(directory);
  await makePrivateFolder(path);
  const lock = await takeLock(path);
  try {
    const startTicks = processEntry(process.pid)?.startTicks ?? 0;
    await overwriteFile(join(path, KEEPER_PID_FILE), `${process.pid} ${startTicks}\n`);
    return { path, key: await stateKeyOf(path), release: () => lock.release() };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function takeLock(path: string): Promise<FileLock> {
  const lock = takeFileLock(join(path, 'keeper.lock'));
  if (lock !== undefined) return lock;
  const owner = await keeperOf(path);
  throw new KeeperRunningError(
    `a keeper is at work in ${path} already (process ${owner?.pid ?? 'unknown'}): a state directory has only one`,
  );
}
