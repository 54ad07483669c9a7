/** Trees without cgroup v2: the process group, its session, and everything that inherited the attempt's environment. */
import type { FirstProcess, NewTree, Tree, TreeName } from './containment.ts';
import { type ProcessEntry, runningProcesses, startEnvironment } from './process-table.ts';

/** A tree that forks while it is killed needs more than one pass; past this the keeper's retry goes on. */
const PASSES = 10;

/** `marks` are environment entries that every process of the attempt inherited, and no other process has. */
export function newProcessGroup(marks: readonly string[]): NewTree {
  return {
    join: '',
    place: 'locum',
    holding: (first) => processGroupTree(first, marks),
    discard: async () => undefined,
  };
}

export function processGroupTree(first: FirstProcess, marks: readonly string[]): Tree {
  /** True while there is somebody to signal. */
  const signalAll = async (name: NodeJS.Signals): Promise<boolean> => {
    const members = await membersOf(first, marks);
    // The kernel signals a group as a whole: a fork loop in it can't outrun that, as it could outrun a list.
    if (members.some(({ group }) => group === first.pid)) send(-first.pid, name);
    for (const { pid, group } of members) if (group !== first.pid) send(pid, name);
    return members.length > 0;
  };
  const looksEmpty = async (): Promise<boolean> => (await membersOf(first, marks)).length === 0;
  return {
    cgroup: '',
    terminate: async () => {
      await signalAll('SIGTERM');
      await signalAll('SIGCONT');
    },
    kill: async () => {
      for (let pass = 0; pass < PASSES; pass += 1) if (!(await signalAll('SIGKILL'))) return;
    },
    // Twice: a process that forks and ends while the list is read hides its child from that list.
    isEmpty: async () => (await looksEmpty()) && (await looksEmpty()),
    watch: () => () => undefined,
    remove: async () => undefined,
  };
}

/** The environment entries by which the processes of an attempt are known. */
export function attemptMarks({ run, epoch }: TreeName, key: string): readonly string[] {
  return [`LOCUM_RUN=${run}`, `LOCUM_EPOCH=${epoch}`, `LOCUM_KEEPER=${key}`];
}

async function membersOf(first: FirstProcess, marks: readonly string[]): Promise<ProcessEntry[]> {
  const processes = await runningProcesses();
  const namesake = processes.find(({ pid }) => pid === first.pid);
  // The number of a group is free for others once the group is gone: then only the environment counts.
  const reused = namesake !== undefined && namesake.startTicks !== first.startTicks;
  const members: ProcessEntry[] = [];
  for (const entry of processes) {
    if (entry.startTicks < first.startTicks) continue;
    const held = first.pid > 1 && !reused && (entry.group === first.pid || entry.session === first.pid);
    if (held || (await isMarked(entry.pid, marks))) members.push(entry);
  }
  return members;
}

async function isMarked(pid: number, marks: readonly string[]): Promise<boolean> {
  const environment = await startEnvironment(pid);
  return marks.every((mark) => environment.includes(mark));
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
}
