/**
 * A9: what an agent does about a keeper that is dead or silent. First the keeper, so that nothing it has not read yet can start;
 * then the trees that are bound by a lease. A tree counts as killed only once it is proven empty. It needs no disk: where the
 * cgroups are and how the trees are marked is known since the connection was made.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupTree } from '../../shared/host/cgroup.ts';
import { killProcess } from '../../shared/host/kill-process.ts';
import { attemptMarks, processGroupTree } from '../../shared/host/process-group.ts';
import { processEntry } from '../../shared/host/process-table.ts';
import type { FirstProcess, Tree } from '../../shared/host/tree.ts';
import type { AttemptRef } from '../../shared/protocol/attempt.ts';
import type { LeftTree as TreeFacts } from '../core/effect.ts';
import type { FromKeeper } from '../core/event.ts';

/** Between two looks at a tree that is being killed. */
const LOOK_MS = 10;
/** A tree that is not gone after this time sits in the kernel; the next keeper goes on with it. */
const LIMIT_MS = 2_000;

/** By what the trees of a keeper are found. */
export interface TreeMarks {
  /** Of the state directory; empty: not known. */
  readonly key: string;
  /** Where cgroup2 is mounted; empty: nowhere. */
  readonly mount: string;
}

/** Undefined: there is no process with this id. @throws as processEntry */
export function identityOf(pid: number): FirstProcess | undefined {
  const entry = processEntry(pid);
  return entry && { pid, startTicks: entry.startTicks };
}

/** The keeper of a state directory by the id that it wrote there, if that is still a keeper of this directory. */
export function keeperProcess(stateDir: string): FirstProcess | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(stateDir, 'keeper.pid'), 'utf8'), 10);
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.includes('keeper') && words.includes(stateDir) ? identityOf(pid) : undefined;
  } catch {
    return undefined;
  }
}

export async function killTrees(
  marks: TreeMarks,
  keeper: FirstProcess | undefined,
  trees: readonly TreeFacts[],
): Promise<Extract<FromKeeper, { kind: 'trees_killed' }>> {
  if (keeper !== undefined) await killProcess(keeper);
  const outcomes = await Promise.all(
    trees.map(async (facts) => {
      const ref: AttemptRef = { run: facts.run, epoch: facts.epoch };
      const tree = treeOf(facts, marks);
      return { ref, empty: tree !== undefined && (await killTree(tree)) };
    }),
  );
  const refs = (empty: boolean): readonly AttemptRef[] =>
    outcomes.filter((outcome) => outcome.empty === empty).map(({ ref }) => ref);
  return { kind: 'trees_killed', killed: refs(true), left: refs(false) };
}

/** Undefined: nothing is known by which its processes could be found; the next keeper has a journal. */
function treeOf({ run, epoch, cgroup, pid, startTicks }: TreeFacts, { key, mount }: TreeMarks): Tree | undefined {
  if (cgroup !== '') return mount === '' ? undefined : cgroupTree(join(mount, cgroup));
  if (pid === 0 || startTicks === 0 || key === '') return undefined;
  return processGroupTree({ pid, startTicks }, attemptMarks({ run, epoch }, key));
}

async function killTree(tree: Tree): Promise<boolean> {
  const giveUpAt = performance.now() + LIMIT_MS;
  while (performance.now() < giveUpAt) {
    if (isKilled(tree)) return true;
    await sleep(LOOK_MS);
  }
  return false;
}

/** What the kernel refuses now it may allow at the next look. */
function isKilled(tree: Tree): boolean {
  try {
    tree.kill();
    if (!tree.isEmpty()) return false;
    tree.remove();
    return true;
  } catch {
    return false;
  }
}
