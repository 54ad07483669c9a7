/**
 * Trees in cgroup v2: one cgroup for each attempt, killed and proven empty as a whole.
 *
 * Everything here is synchronous on purpose. These files are the kernel's and wait for no disk, while an asynchronous read of them
 * would queue for a thread of the pool, which a stalled disk may have taken to the last one.
 */
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { ignoreGone, isGone } from '../caught-error.ts';
import { foldersInKernelFolder, readKernelFile, writeKernelFile } from './kernel-file.ts';
import type { Tree } from './tree.ts';

/** Where the cgroup2 file system is mounted, and which of its folders this process is in. */
export interface CgroupPlace {
  readonly mount: string;
  /** Below the mount, with a leading slash. */
  readonly own: string;
}

/** As this host has it; undefined where there is no cgroup v2. */
export function findCgroupPlace(): CgroupPlace | undefined {
  try {
    return cgroupPlace(readKernelFile('/proc/self/mountinfo'), readKernelFile('/proc/self/cgroup'));
  } catch {
    return undefined;
  }
}

/** Finds cgroup v2 as the kernel lists it; undefined where there is none. Handles the hybrid place and bind mounts. */
export function cgroupPlace(mountinfo: string, selfCgroup: string): CgroupPlace | undefined {
  const line = mountinfo.split('\n').find((candidate) => candidate.includes(' - cgroup2 '));
  const own = /^0::(.*)$/m.exec(selfCgroup)?.[1];
  const [, , , root, mount] = line?.split(' ') ?? [];
  if (own === undefined || root === undefined || mount === undefined) return undefined;
  const below = root !== '/' && (own === root || own.startsWith(`${root}/`)) ? own.slice(root.length) : own;
  return { mount: unescapeOctal(mount), own: below === '' ? '/' : below };
}

/** Spaces, tabs, newlines and backslashes are written as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Makes a cgroup, and those above it. */
export function makeCgroup(directory: string): void {
  mkdirSync(directory, { recursive: true });
}

/** A cgroup that is there, or was: one that is gone is empty. */
export function cgroupTree(directory: string): Tree {
  return {
    terminate: () => {
      for (const pid of processesBelow(directory)) {
        signal(pid, 'SIGTERM');
        signal(pid, 'SIGCONT');
      }
    },
    kill: () => {
      try {
        writeKernelFile(join(directory, 'cgroup.kill'), '1');
      } catch (error) {
        ignoreGone(error);
      }
    },
    isEmpty: () => {
      try {
        return /^populated 0$/m.test(readKernelFile(join(directory, 'cgroup.events')));
      } catch (error) {
        if (isGone(error)) return true;
        throw error;
      }
    },
    remove: () => removeCgroup(directory),
  };
}

/** Every process in a cgroup and in those that the workload made below it. */
function processesBelow(directory: string): number[] {
  let lines = '';
  try {
    lines = readKernelFile(join(directory, 'cgroup.procs'));
  } catch {
    // It is gone, or threaded: then the kill will do.
  }
  // 0 stands for a process of a foreign pid namespace, and would mean our own group as the target of a signal.
  const own = lines.split('\n').flatMap((line) => (Number(line) > 1 ? [Number(line)] : []));
  return own.concat(...cgroupsIn(directory).map((name) => processesBelow(join(directory, name))));
}

/** Names of the cgroups directly below one; none where it is gone. @throws what else keeps them from being seen: they may be there */
export function cgroupsIn(directory: string): string[] {
  try {
    return foldersInKernelFolder(directory);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Removes an empty cgroup and the empty ones below it. One with processes in it stays, as the kernel refuses: then it throws. */
export function removeCgroup(directory: string): void {
  for (const name of cgroupsIn(directory)) removeCgroup(join(directory, name));
  try {
    rmdirSync(directory);
  } catch (error) {
    ignoreGone(error);
  }
}

function signal(pid: number, name: 'SIGTERM' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}
