/**
 * Takes a state directory for an agent: one agent has it at a time, what a dead keeper left in it is killed before anything else
 * (semantics: A7), and a disk that stalls or is full keeps nobody from either. An agent that comes back to such a disk goes on with what
 * it knew in this boot, so that it can adopt what runs.
 */
import { open, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../shared/caught-error.ts';
import { DiskLane, DiskStalledError } from '../shared/disk-lane.ts';
import { type FileLock, takeFileLock } from '../shared/host/file-lock.ts';
import { overwriteFile } from '../shared/host/overwrite-file.ts';
import { makePrivateFolder } from '../shared/host/own-folder.ts';
import { killLeftoverCgroups } from '../shared/keeper/keeper-record.ts';
import { openRuntimeFolder, type RuntimeFolder } from '../shared/keeper/runtime-folder.ts';
import type { Logger } from '../shared/log.ts';
import { loadIdentity } from './identity.ts';
import { isNewer, type Remembered, rememberedIdentity } from './identity-store.ts';

/** How long anybody waits for the disk. */
const LIMIT_MS = 2_000;
/** Between two looks at a disk that stalls, with nothing known that one could go on with. */
const AGAIN_MS = 1_000;

/** Another agent is at work in the state directory. */
export class AgentRunningError extends Error {
  override readonly name = 'AgentRunningError';
}

export interface StateDirectory {
  readonly path: string;
  readonly identity: Remembered;
  /** The disk has it. Otherwise it is what memory has of this boot, and newer than what the disk has, or the disk stalls. */
  readonly isOnDisk: boolean;
  readonly memory: RuntimeFolder | undefined;
  /** Whatever is asked of the disk goes through here. */
  readonly lane: DiskLane;
  /** It took and gave what was asked of it just now. */
  readonly answers: boolean;
  /** Whether it does now. Waits a bounded time. */
  answersNow(): Promise<boolean>;
  release(): void;
}

/** @throws AgentRunningError, IdentityError, ExposedFileError */
export async function claimStateDirectory(
  directory: string,
  server: string,
  log: Pick<Logger, 'warn' | 'error'>,
): Promise<StateDirectory> {
  const path = resolve(directory);
  const memory = openRuntimeFolder(path);
  const lane = new DiskLane(path, LIMIT_MS);
  const claim: Claim = { path, server, memory, lane, log, lock: undefined };
  let memoryLock: FileLock | undefined;
  const release = (): void => {
    memoryLock?.release();
    claim.lock?.release();
  };
  const answersNow = (): Promise<boolean> =>
    lane
      .run(() => prepareFolder(path))
      .then(
        () => true,
        () => false,
      );
  try {
    // The lock in memory comes first, as it asks no disk; the one in the folder holds for whoever sees another memory.
    if (memory !== undefined) memoryLock = await lockIn(memory.path, path);
    const killed = killLeftoverCgroups(memory);
    if (killed > 0) log.warn({ trees: killed }, 'the keeper is dead: killed what it left');
    for (;;) {
      const found = await tryDisk(claim);
      if (found !== undefined) return { path, memory, lane, answersNow, release, ...found };
      await sleep(AGAIN_MS);
    }
  } catch (error) {
    release();
    throw error;
  }
}

interface Claim extends Pick<StateDirectory, 'path' | 'memory' | 'lane'> {
  readonly server: string;
  /** Of the folder. It stays while the disk is tried again: a second one would find the first one's holder at work. */
  lock: FileLock | undefined;
  readonly log: Pick<Logger, 'error'>;
}

/** Undefined: the disk stalls, and nothing is known without it. */
async function tryDisk(claim: Claim): Promise<Pick<StateDirectory, 'identity' | 'isOnDisk' | 'answers'> | undefined> {
  const { path, server, memory, lane, log } = claim;
  const remembered = rememberedIdentity(memory);
  try {
    await lane.run(async () => {
      await prepareFolder(path);
      // SQLite does not wait beside us: right after the disk has taken a name, and in the same turn, so that nothing comes between.
      claim.lock ??= await lockIn(path, path);
    });
    const read = await lane.run(() => loadIdentity(path, server));
    void lane.run(() => overwriteFile(join(path, 'agent.pid'), `${process.pid}\n`)).catch(() => undefined);
    if (remembered?.server === server && isNewer(remembered, read))
      return { identity: remembered, isOnDisk: false, answers: true };
    return { identity: read, isOnDisk: true, answers: true };
  } catch (error) {
    if (!(error instanceof DiskStalledError)) throw error;
    log.error({ stateDir: path }, messageOf(error));
    return remembered?.server === server ? { identity: remembered, isOnDisk: false, answers: false } : undefined;
  }
}

/** Makes it, private to this user, and sees whether it takes a name: what is frozen takes none, what is full mostly does. */
async function prepareFolder(path: string): Promise<void> {
  await makePrivateFolder(path);
  const trial = join(path, 'agent.trial');
  const file = await open(trial, 'w', 0o600).catch(() => undefined);
  await file?.close();
  await rm(trial, { force: true }).catch(() => undefined);
}

async function lockIn(folder: string, stateDir: string): Promise<FileLock> {
  const lock = takeFileLock(join(folder, 'agent.lock'));
  if (lock !== undefined) return lock;
  throw new AgentRunningError(
    `an agent is at work in ${stateDir} already (process ${await holder(stateDir)}): a state directory has only one; give this one another`,
  );
}

/** For people; not waited for long. */
async function holder(stateDir: string): Promise<string> {
  const text = await new DiskLane(stateDir, LIMIT_MS)
    .run(() => readFile(join(stateDir, 'agent.pid'), 'utf8'))
    .catch(() => '');
  return text.trim() || 'unknown';
}
