/**
 * Trees without cgroup v2: the process group, its session, and everything that inherited the attempt's environment.
 *
 * Group and session are found and signalled at once. Who left both is searched for by its environment beside that, as reading it may
 * hang; until such a search has come to its end, a tree is not proven empty.
 */
import { type ProcessEntry, runningProcesses, startEnvironment } from './process-table.ts';
import type { FirstProcess, Tree, TreeName } from './tree.ts';

/** A tree that forks while it is killed needs more than one pass; past this the keeper's retry goes on. */
const PASSES = 10;

const TERMINATE: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGCONT'];
const KILL: readonly NodeJS.Signals[] = ['SIGKILL'];
/** Environments that are read at once. */
const AT_ONCE = 16;

/** `marks` are environment entries that every process of the attempt inherited, and no other process has. */
export function processGroupTree(first: FirstProcess, marks: readonly string[]): Tree {
  const search = new Search(first, marks);
  /** True while there is somebody to signal. */
  const signalAll = (name: NodeJS.Signals): boolean => {
    const members = membersOf(first);
    // The kernel signals a group as a whole: a fork loop in it can't outrun that, as it could outrun a list.
    if (members.some(({ group }) => group === first.pid)) send(-first.pid, name);
    for (const { pid, group } of members) if (group !== first.pid) send(pid, name);
    return members.length > 0;
  };
  return {
    terminate: () => {
      signalAll('SIGTERM');
      signalAll('SIGCONT');
      search.signal(TERMINATE);
    },
    kill: () => {
      for (let pass = 0; pass < PASSES; pass += 1) if (!signalAll('SIGKILL')) break;
      search.signal(KILL);
    },
    isEmpty: () => {
      if (membersOf(first).length > 0) {
        search.forget();
        return false;
      }
      return search.foundNobody();
    },
    remove: () => undefined,
  };
}

/** Looks for strayed processes of one attempt. */
class Search {
  readonly #first: FirstProcess;
  readonly #marks: readonly string[];
  #running = false;
  /** Signals for whoever the next search finds. */
  #signals: readonly NodeJS.Signals[] = [];
  /** Searches in a row that found nobody. */
  #cleanPasses = 0;

  constructor(first: FirstProcess, marks: readonly string[]) {
    this.#first = first;
    this.#marks = marks;
  }

  forget(): void {
    this.#cleanPasses = 0;
  }

  /** From now on whoever is found gets these signals. Told again, what is known already still counts. */
  signal(signals: readonly NodeJS.Signals[]): void {
    if (signals !== this.#signals) this.#cleanPasses = 0;
    this.#signals = signals;
    this.#start();
  }

  /** Twice: a process that forks and ends while the list is read hides its child from that list. */
  foundNobody(): boolean {
    if (this.#cleanPasses >= 2) return true;
    this.#start();
    return false;
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#look().finally(() => {
      this.#running = false;
    });
  }

  async #look(): Promise<void> {
    const signals = this.#signals;
    // Who could not be looked at may be one: then nothing is proven, and the next search begins from none.
    const found = await strays(this.#first, this.#marks).catch(() => undefined);
    if (found === undefined) return this.forget();
    for (const pid of found) for (const name of signals) send(pid, name);
    this.#cleanPasses = found.length === 0 && signals === this.#signals ? this.#cleanPasses + 1 : 0;
  }
}

/** The environment entries by which the processes of an attempt are known. */
export function attemptMarks({ run, epoch }: TreeName, key: string): readonly string[] {
  return [`LOCUM_RUN=${run}`, `LOCUM_EPOCH=${epoch}`, keeperMark(key)];
}

/** Of all that keepers of one state directory started. */
export const keeperMark = (key: string): string => `LOCUM_KEEPER=${key}`;

function membersOf(first: FirstProcess): ProcessEntry[] {
  if (first.pid <= 1) return [];
  const processes = runningProcesses();
  const namesake = processes.find(({ pid }) => pid === first.pid);
  // The number of a group is free for others once the group is gone: then only the environment counts.
  if (namesake !== undefined && namesake.startTicks !== first.startTicks) return [];
  return processes.filter(
    ({ group, session, startTicks }) =>
      startTicks >= first.startTicks && (group === first.pid || session === first.pid),
  );
}

async function strays(first: FirstProcess, marks: readonly string[]): Promise<number[]> {
  const candidates = possibleMembers(runningProcesses(), first);
  const found: number[] = [];
  for (let i = 0; i < candidates.length; i += AT_ONCE) {
    const batch = candidates.slice(i, i + AT_ONCE).map(async ({ pid }) => ((await isMarked(pid, marks)) ? [pid] : []));
    found.push(...(await Promise.all(batch)).flat());
  }
  return found;
}

/**
 * Whoever started later, but for those whose session is older than the attempt: nobody enters a session from outside (setsid(2)). So a
 * process of another service that hangs, and whose environment can't be read, is seldom in the way of a proof.
 *
 * Its leader may be gone: a session is as old as the oldest that is still in it. Session 0 is one from outside this PID namespace, as
 * that of whoever was brought into a container (pid_namespaces(7)).
 */
export function possibleMembers(
  processes: readonly ProcessEntry[],
  { startTicks: since }: FirstProcess,
): ProcessEntry[] {
  const older = new Set([0]);
  for (const { session, startTicks } of processes) if (startTicks < since) older.add(session);
  return processes.filter(({ startTicks, session }) => startTicks >= since && !older.has(session));
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
