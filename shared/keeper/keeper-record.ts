/**
 * What a keeper says of itself in memory: by this its cgroups are found, and killed, when it is dead and the disk with its journal
 * does not answer (semantics: A7, A9).
 */
import { join } from 'node:path';
import { cgroupsIn, cgroupTree } from '../host/cgroup.ts';
import { isAlive } from '../host/process-table.ts';
import type { RuntimeFolder } from './runtime-folder.ts';

const NAME = 'keeper.json';

export interface KeeperRecord {
  readonly pid: number;
  readonly startTicks: number;
  /** Of the state directory: names its workloads. */
  readonly key: string;
  /** Absolute paths of the folders in which this keeper and earlier ones of this boot have their cgroups. */
  readonly cgroups: readonly string[];
  /** Path of its socket, once it listens elsewhere than in the state directory. */
  readonly socket?: string | undefined;
}

export function readKeeperRecord(folder: RuntimeFolder | undefined): KeeperRecord | undefined {
  const value = folder?.read(NAME);
  return isKeeperRecord(value) ? value : undefined;
}

export function writeKeeperRecord(folder: RuntimeFolder | undefined, record: KeeperRecord): void {
  folder?.write(NAME, record);
}

export function removeKeeperRecord(folder: RuntimeFolder | undefined): void {
  folder?.remove(NAME);
}

function isKeeperRecord(value: unknown): value is KeeperRecord {
  if (typeof value !== 'object' || value === null) return false;
  const facts = new Map<string, unknown>(Object.entries(value));
  const cgroups = facts.get('cgroups');
  const socket = facts.get('socket');
  return (
    Number.isSafeInteger(facts.get('pid')) &&
    Number.isSafeInteger(facts.get('startTicks')) &&
    typeof facts.get('key') === 'string' &&
    (socket === undefined || typeof socket === 'string') &&
    Array.isArray(cgroups) &&
    cgroups.every((path) => typeof path === 'string')
  );
}

/** The record of a keeper that lives. One of a dead keeper stays behind when memory had no room for the next one's. */
export function livingKeeper(folder: RuntimeFolder | undefined): KeeperRecord | undefined {
  const record = readKeeperRecord(folder);
  return record !== undefined && isAlive(record) ? record : undefined;
}

/**
 * Kills at once what a keeper that is dead left in its cgroups, without asking the disk. Answers with how many were there; that they
 * are empty is proven by the next keeper, before it serves. A keeper that lives, or of which that can't be found out, keeps what it has.
 */
export function killLeftoverCgroups(folder: RuntimeFolder | undefined): number {
  const record = readKeeperRecord(folder);
  if (record === undefined || mayLive(record)) return 0;
  return record.cgroups.flatMap((base) => foldersOf(base)).filter(isKilled).length;
}

function foldersOf(base: string): readonly string[] {
  try {
    return cgroupsIn(base).map((name) => join(base, name));
  } catch {
    // The next keeper tries again, and serves nobody before it has seen them.
    return [];
  }
}

/** Whether something was in it. */
function isKilled(directory: string): boolean {
  try {
    const tree = cgroupTree(directory);
    const isEmpty = tree.isEmpty();
    tree.kill();
    return !isEmpty;
  } catch {
    // The next keeper tries again, and says what it can't kill.
    return false;
  }
}

function mayLive(record: KeeperRecord): boolean {
  try {
    return isAlive(record);
  } catch {
    return true;
  }
}
