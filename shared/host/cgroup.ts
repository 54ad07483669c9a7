/** Trees in cgroup v2: one cgroup for each attempt, killed and proven empty as a whole. */
import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoreGone, isGone } from '../caught-error.ts';
import type { NewTree, Tree } from './containment.ts';

/** By this a process joins before it becomes the program: moving it after the spawn would lose children that it made already. */
const JOIN = 'echo $$ > "$0/cgroup.procs"';

/** Where the cgroup2 file system is mounted, and which of its folders this process is in. */
export interface CgroupPlace {
  readonly mount: string;
  /** Below the mount, with a leading slash. */
  readonly own: string;
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

/** Makes the cgroup of an attempt that is about to start. */
export async function newCgroup(mount: string, path: string): Promise<NewTree> {
  const directory = join(mount, path);
  await mkdir(directory, { recursive: true });
  const tree = cgroupTree(mount, path);
  return { join: JOIN, place: directory, holding: () => tree, discard: () => tree.remove() };
}

/** A cgroup that is there, or was: one that is gone is empty. `path` is below the mount. */
export function cgroupTree(mount: string, path: string): Tree {
  const directory = join(mount, path);
  return {
    cgroup: path,
    terminate: async () => {
      for (const pid of await processesBelow(directory)) {
        signal(pid, 'SIGTERM');
        signal(pid, 'SIGCONT');
      }
    },
    kill: () => writeFile(join(directory, 'cgroup.kill'), '1').catch(ignoreGone),
    isEmpty: () => isEmpty(directory),
    watch: (onChange) => watchEvents(directory, onChange),
    remove: () => removeCgroup(directory),
  };
}

async function isEmpty(directory: string): Promise<boolean> {
  try {
    return /^populated 0$/m.test(await readFile(join(directory, 'cgroup.events'), 'utf8'));
  } catch (error) {
    if (isGone(error)) return true;
    throw error;
  }
}

function watchEvents(directory: string, onChange: () => void): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(join(directory, 'cgroup.events'), onChange);
    // Inotify can run out of watches, and the cgroup can go: polling sees it all the same.
    watcher.on('error', () => undefined);
  } catch {
    return () => undefined;
  }
  return () => watcher.close();
}

/** Every process in a cgroup and in those that the workload made below it. */
async function processesBelow(directory: string): Promise<number[]> {
  const lines = await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '');
  // 0 stands for a process of a foreign pid namespace, and would mean our own group as the target of a signal.
  const own = lines.split('\n').flatMap((line) => (Number(line) > 1 ? [Number(line)] : []));
  const nested = await Promise.all((await cgroupsIn(directory)).map((name) => processesBelow(join(directory, name))));
  return own.concat(...nested);
}

/** Names of the cgroups directly below one; none where it is gone. */
export async function cgroupsIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

/** Removes an empty cgroup and the empty ones below it. One with processes in it stays, as the kernel refuses. */
export async function removeCgroup(directory: string): Promise<void> {
  for (const name of await cgroupsIn(directory)) await removeCgroup(join(directory, name));
  await rmdir(directory).catch(ignoreGone);
}

function signal(pid: number, name: 'SIGTERM' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}
