/** Finds the strongest containment that this host and user allow, by trying it. */
import { execFile } from 'node:child_process';
import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  type CgroupPlace,
  cgroupPlace,
  cgroupsIn,
  cgroupTree,
  newCgroup,
  removeCgroup,
} from '../shared/host/cgroup.ts';
import type { Containment, TreeName } from '../shared/host/containment.ts';
import { attemptMarks, newProcessGroup, processGroupTree } from '../shared/host/process-group.ts';

/** Between two looks at a tree that is being killed. */
const LOOK_MS = 20;

export interface DetectionOptions {
  /** Names the state directory, here and in the environment of workloads. */
  readonly key: string;
  /** Folders, below the cgroup2 mount, that earlier keepers of this state directory kept their cgroups in. */
  readonly earlierBases: readonly string[];
  /** `process-group` does not even look for cgroups: for tests, and for hosts where cgroups are somebody else's. */
  readonly strongest: 'cgroup' | 'process-group';
}

/** The containment, and the folder below the mount in which it keeps its cgroups (empty: none). */
export async function detectContainment(
  options: DetectionOptions,
): Promise<{ readonly containment: Containment; readonly base: string }> {
  const place = await findCgroupPlace();
  const weakness = options.strongest === 'cgroup' ? await whyNoCgroup(place, options.key) : 'not wanted';
  if (place === undefined || weakness !== '') {
    return { containment: groupContainment(options, place, weakness), base: '' };
  }
  const base = baseFolder(place, options.key);
  return { containment: cgroupContainment(options, place.mount, base), base };
}

async function findCgroupPlace(): Promise<CgroupPlace | undefined> {
  const [mountinfo, own] = await Promise.all(
    ['/proc/self/mountinfo', '/proc/self/cgroup'].map((file) => readFile(file, 'utf8').catch(() => '')),
  );
  return cgroupPlace(mountinfo ?? '', own ?? '');
}

const baseFolder = (place: CgroupPlace, key: string): string => join(place.own, `locum-${key}`);

/** Joins a cgroup with a throw-away shell and kills it: only that shows rights, kernel and mount to be as needed. */
async function whyNoCgroup(place: CgroupPlace | undefined, key: string): Promise<string> {
  if (place === undefined) return 'no cgroup v2 is mounted';
  const path = join(baseFolder(place, key), 'probe');
  const directory = join(place.mount, path);
  try {
    await mkdir(directory, { recursive: true });
    await access(join(directory, 'cgroup.kill'));
    const { join: joinCode, place: target } = await newCgroup(place.mount, path);
    await promisify(execFile)('/bin/sh', ['-c', joinCode, target], { timeout: 5_000 });
    await cgroupTree(place.mount, path).kill();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  } finally {
    await removeCgroup(directory).catch(() => undefined);
  }
}

function cgroupContainment(options: DetectionOptions, mount: string, base: string): Containment {
  const bases = [...new Set([...options.earlierBases, base])];
  return {
    kind: 'cgroup',
    weakness: '',
    create: ({ run, epoch }) => newCgroup(mount, join(base, `${run}-${epoch}`)),
    reopen: reopen(options, mount),
    sweep: (limitMs) => sweep(mount, bases, limitMs),
    close: async () => {
      for (const folder of bases) await removeCgroup(join(mount, folder)).catch(() => undefined);
    },
  };
}

function groupContainment(options: DetectionOptions, place: CgroupPlace | undefined, weakness: string): Containment {
  const mount = place?.mount;
  return {
    kind: 'process-group',
    weakness,
    create: async (name) => newProcessGroup(attemptMarks(name, options.key)),
    reopen: reopen(options, mount),
    // A keeper before this one may have had cgroups.
    sweep: (limitMs) => (mount === undefined ? Promise.resolve() : sweep(mount, options.earlierBases, limitMs)),
    close: async () => undefined,
  };
}

function reopen(options: DetectionOptions, mount: string | undefined): Containment['reopen'] {
  return (name: TreeName, cgroup, first) =>
    mount !== undefined && cgroup !== ''
      ? cgroupTree(mount, cgroup)
      : processGroupTree(first, attemptMarks(name, options.key));
}

async function sweep(mount: string, bases: readonly string[], limitMs: number): Promise<void> {
  const trees = await Promise.all(
    bases.map(async (base) => (await cgroupsIn(join(mount, base))).map((name) => cgroupTree(mount, join(base, name)))),
  );
  const giveUpAt = performance.now() + limitMs;
  for (const tree of trees.flat()) await tree.kill();
  for (const tree of trees.flat()) {
    while (!(await tree.isEmpty()) && performance.now() < giveUpAt) await sleep(LOOK_MS);
    await tree.remove().catch(() => undefined);
  }
}
