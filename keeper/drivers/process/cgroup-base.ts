/**
 * The folder of cgroups of one keeper: a cgroup for each attempt below it, and two for probes. It is used only where a throw-away
 * process could join and be killed in it: only that shows rights, kernel and mount to be as needed.
 */
import { execFile } from 'node:child_process';
import { accessSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf } from '../../../shared/caught-error.ts';
import { type CgroupPlace, cgroupsIn, cgroupTree, makeCgroup, removeCgroup } from '../../../shared/host/cgroup.ts';
import { readKernelFile, writeKernelFile } from '../../../shared/host/kernel-file.ts';

/** Not names of attempts: those end with an epoch. Two, so that a proof of the hands never meets the process of a trial. */
const HANDS = 'hands';
const TRIAL = 'trial';
/** Between two looks at a tree that is being killed. */
const LOOK_MS = 20;
const JOIN_LIMIT_MS = 5_000;

export const baseFolder = ({ own }: CgroupPlace, key: string): string => join(own, `locum-${key}`);

/** Why cgroups can't be used here. Empty: they can. */
export async function whyNoCgroup(place: CgroupPlace | undefined, key: string): Promise<string> {
  if (place === undefined) return 'no cgroup v2 is mounted';
  return (await tryCgroup(join(place.mount, baseFolder(place, key)))) ?? '';
}

/** Joins a cgroup with a throw-away process and kills what is in it. The problem in words, or undefined. */
export async function tryCgroup(base: string): Promise<string | undefined> {
  const directory = join(base, TRIAL);
  try {
    makeCgroup(directory);
    accessSync(join(directory, 'cgroup.kill'));
    const join_ = 'echo $$ > "$0/cgroup.procs"';
    await promisify(execFile)('/bin/sh', ['-c', join_, directory], { timeout: JOIN_LIMIT_MS, cwd: '/' });
    cgroupTree(directory).kill();
    return undefined;
  } catch (error) {
    return messageOf(error).trim();
  }
}

/** Kills an empty cgroup and reads it back: the same files, locks and calls as of every kill. Undefined: it works. */
export function proveCgroup(base: string): string | undefined {
  const directory = join(base, HANDS);
  try {
    makeCgroup(directory);
    writeKernelFile(join(directory, 'cgroup.kill'), '1');
    readKernelFile(join(directory, 'cgroup.procs'));
    return cgroupTree(directory).isEmpty() ? undefined : `${directory} is not empty`;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * Kills what is in these folders, and looks until it is empty or the time is over. Answers with the cgroups that are not.
 * @throws what keeps them from being looked at: that nothing is left is never taken for granted
 */
export async function sweepBases(bases: readonly string[], limitMs: number): Promise<readonly string[]> {
  const giveUpAt = performance.now() + limitMs;
  for (;;) {
    const isLast = performance.now() >= giveUpAt;
    try {
      const left = bases.flatMap((base) => cgroupsIn(base).map((name) => join(base, name))).filter(isLeft);
      if (left.length === 0 || isLast) return left;
    } catch (error) {
      if (isLast) throw error;
    }
    await sleep(LOOK_MS);
  }
}

/** Kills it. What is empty is taken away; that what can't be looked at is empty is not said. */
function isLeft(directory: string): boolean {
  const tree = cgroupTree(directory);
  quietly(() => tree.kill());
  if (!tree.isEmpty()) return true;
  quietly(() => tree.remove());
  return false;
}

/** Takes the folders away that are empty; one with something alive in it stays. */
export function removeBases(bases: readonly string[]): void {
  for (const base of bases) quietly(() => removeCgroup(base));
}

/** What can't be done is seen again by the next one who looks. */
function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
