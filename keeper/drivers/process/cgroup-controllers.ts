/**
 * Hands the controllers of limits down to the cgroups of attempts. The kernel gives a controller to the children of a cgroup only where no
 * process is in that cgroup itself (the root excepted). A keeper that is alone in its own, as under a service manager that delegates it, steps
 * aside into a leaf. One that shares it with others leaves everything as it is: with a controller enabled among them nothing could join an
 * attempt's cgroup any more.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupPlace, makeCgroup, removeCgroup } from '../../../shared/host/cgroup.ts';
import { readKernelFile, writeKernelFile } from '../../../shared/host/kernel-file.ts';
import { tryCgroup } from './cgroup-base.ts';

export const CONTROLLERS = ['memory', 'cpu', 'pids'] as const;
export type Controller = (typeof CONTROLLERS)[number];

export interface Handed {
  /** What the cgroups of attempts have. */
  readonly controllers: readonly Controller[];
  /** Why not all of them. Empty: all of them. */
  readonly weakness: string;
  /** The keeper is in a leaf beside them, where its service manager did not put it. */
  readonly isAside: boolean;
  /** Puts everything back as it was found, as far as it can be. */
  undo(): void;
}

const nothing = (weakness: string): Handed => ({ controllers: [], weakness, isAside: false, undo: () => undefined });

export const NONE_HANDED = nothing('no cgroup for each attempt');

/** As below, and only if a process can join an attempt's cgroup afterwards as before. */
export async function handDownTried(place: CgroupPlace, base: string): Promise<Handed> {
  const handed = handDown(place, base);
  const problem = await tryCgroup(base);
  if (problem === undefined) return handed;
  handed.undo();
  return nothing(problem);
}

/** `base` is the folder of the attempts' cgroups, below the keeper's own; it is there. Nothing here throws: what can't be had is not there. */
export function handDown({ mount, own }: CgroupPlace, base: string): Handed {
  const folder = join(mount, own);
  const leaf = `${base}.keeper`;
  const offered = controllersIn(join(folder, 'cgroup.controllers'));
  const before = controllersIn(join(folder, 'cgroup.subtree_control'));
  const missing = offered.filter((controller) => !before.includes(controller));
  const aside = missing.length > 0 && isInner(folder) && stepAside(folder, leaf);
  const added = !isInner(folder) || aside ? missing.filter((one) => enable(folder, one)) : [];
  for (const controller of [...before, ...added]) enable(base, controller);
  const controllers = controllersIn(join(base, 'cgroup.subtree_control'));
  return {
    controllers,
    weakness: weaknessOf(folder, controllers),
    isAside: aside,
    undo: () => {
      for (const controller of controllers) quietly(() => disable(base, controller));
      for (const controller of added) quietly(() => disable(folder, controller));
      if (aside) quietly(() => comeBack(folder, leaf));
    },
  };
}

function weaknessOf(folder: string, controllers: readonly Controller[]): string {
  const lacks = CONTROLLERS.filter((one) => !controllers.includes(one));
  if (lacks.length === 0) return '';
  const offered = controllersIn(join(folder, 'cgroup.controllers'));
  const reason = lacks.some((one) => offered.includes(one))
    ? `${folder} is shared with other processes, or is not ours to change`
    : `${folder} is not given them`;
  return `no ${lacks.join(', ')}: ${reason}`;
}

/** The root has no type, and may have processes and controllers for its children both. */
const isInner = (folder: string): boolean => existsSync(join(folder, 'cgroup.type'));

/** False: others are in it, or come in while we go. */
function stepAside(folder: string, leaf: string): boolean {
  const isEmptyButForUs = (): boolean => processesIn(folder).every((pid) => pid === process.pid);
  try {
    if (!isEmptyButForUs()) return false;
    makeCgroup(leaf);
    moveTo(leaf);
    if (processesIn(folder).length === 0) return true;
    comeBack(folder, leaf);
  } catch {
    // Then it is as it was.
  }
  return false;
}

function comeBack(folder: string, leaf: string): void {
  moveTo(folder);
  removeCgroup(leaf);
}

const moveTo = (cgroup: string): void => writeKernelFile(join(cgroup, 'cgroup.procs'), String(process.pid));

const processesIn = (folder: string): readonly number[] =>
  readKernelFile(join(folder, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);

function controllersIn(file: string): readonly Controller[] {
  const words = quietly(() => readKernelFile(file).trim().split(' ')) ?? [];
  return CONTROLLERS.filter((one) => words.includes(one));
}

/** One at a time: of several in one write, a single one that can't be had refuses all. */
const enable = (folder: string, controller: Controller): boolean =>
  quietly(() => {
    writeKernelFile(join(folder, 'cgroup.subtree_control'), `+${controller}`);
    return true;
  }) === true;

const disable = (folder: string, controller: Controller): void =>
  writeKernelFile(join(folder, 'cgroup.subtree_control'), `-${controller}`);

function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
