/** Where the keeper of a state directory is: by what memory has of it, or else by its disk, which is never waited for for long. */
import { messageOf } from '../../shared/caught-error.ts';
import { DiskLane } from '../../shared/disk-lane.ts';
import type { FirstProcess } from '../../shared/host/tree.ts';
import { livingKeeper } from '../../shared/keeper/keeper-record.ts';
import { openRuntimeFolder } from '../../shared/keeper/runtime-folder.ts';
import { socketInside, socketPath } from '../../shared/keeper/socket-path.ts';
import { keeperOf } from '../../shared/keeper/state-key.ts';

const DISK_LIMIT_MS = 2_000;

/** A state directory, and the lane to its disk. Default: one of its own. */
export interface Whereabouts {
  readonly stateDir: string;
  readonly lane?: DiskLane | undefined;
}

/** No keeper answered. */
export class KeeperUnreachableError extends Error {
  override readonly name = 'KeeperUnreachableError';
  /** Somebody accepted the connection and said nothing: a keeper that is stopped or hung. */
  readonly isSilent: boolean;

  constructor(message: string, { isSilent }: { readonly isSilent: boolean }) {
    super(message);
    this.isSilent = isSilent;
  }
}

/** Path of its socket. A path that is short enough asks no disk. @throws KeeperUnreachableError */
export async function findSocket({ stateDir, lane = laneTo(stateDir) }: Whereabouts): Promise<string> {
  const known = socketInside(stateDir) ?? livingKeeper(openRuntimeFolder(stateDir))?.socket;
  try {
    return known ?? (await lane.run(() => socketPath(stateDir)));
  } catch (error) {
    throw new KeeperUnreachableError(`no keeper of ${stateDir} can be found: ${messageOf(error)}`, { isSilent: false });
  }
}

/** Its process. Undefined: there is none, or the disk does not tell. */
export async function findKeeper({
  stateDir,
  lane = laneTo(stateDir),
}: Whereabouts): Promise<FirstProcess | undefined> {
  const known = livingKeeper(openRuntimeFolder(stateDir));
  return known ?? (await lane.run(() => keeperOf(stateDir)).catch(() => undefined));
}

const laneTo = (stateDir: string): DiskLane => new DiskLane(stateDir, DISK_LIMIT_MS);
