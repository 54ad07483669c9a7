/** A keeper, put together: everything between its lock and its socket, and how long it stays. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EndCause } from '../shared/gen/locum/v1/run_pb.ts';
import type { Containment } from '../shared/host/containment.ts';
import { makeSocketPath, removeSocket } from '../shared/keeper/socket-path.ts';
import { type Attempt, attemptFrom } from './attempt.ts';
import { AttemptFolders, type AttemptFoldersOptions } from './attempt-folders.ts';
import { AttemptTable } from './attempt-table.ts';
import { detectContainment } from './containment-detection.ts';
import { MAX_ENDED_ATTEMPTS } from './core/limits.ts';
import { Journal } from './journal.ts';
import { cgroupBaseRecord } from './journal-state.ts';
import type { KeeperLog } from './keeper-log.ts';
import { Listener } from './listener.ts';
import { PipeMaker } from './output-pipe.ts';
import { claimStateDirectory, type StateDirectory } from './state-directory.ts';
import { Supervisor } from './supervisor.ts';

/** How long leftovers may take to die before the keeper serves all the same, and reports them. */
const LEFTOVERS_MS = 5_000;

export interface KeeperOptions extends AttemptFoldersOptions {
  readonly stateDir: string;
  readonly version: string;
  readonly log: KeeperLog;
  /** Default `cgroup`, where the host has it. */
  readonly containment?: 'cgroup' | 'process-group';
}

/** What a keeper tells whoever decides how long it stays. */
export interface KeeperEvents {
  /** An agent came or went, or an attempt changed. */
  readonly onChange: () => void;
  readonly onExit: (options: { readonly stopAll: boolean }) => void;
}

export interface Keeper {
  readonly hasAgent: boolean;
  readonly living: ReadonlySet<Attempt>;
  /** Starts nothing more from now on, and tells the agent how long it has to drain. 0: it is not told. */
  leave(withinMs: number): void;
  /** SIGTERM to everything that lives, the kill after its grace. */
  stopAll(detail: string): void;
  /** Gives up socket, cgroups and lock. What still lives is the next keeper's. */
  close(): Promise<void>;
}

/** Takes the state directory, kills what earlier keepers left in it, and serves. Throws KeeperRunningError. */
export async function openKeeper(options: KeeperOptions, events: KeeperEvents): Promise<Keeper> {
  const directory = await claimStateDirectory(options.stateDir);
  try {
    return await serve(directory, options, events);
  } catch (error) {
    directory.release();
    throw error;
  }
}

async function serve(directory: StateDirectory, options: KeeperOptions, events: KeeperEvents): Promise<Keeper> {
  const { log } = options;
  const { key, path } = directory;
  const { journal, unread } = await Journal.open(join(path, 'keeper.journal'));
  if (unread > 0) log.warn(`${unread} lines of the journal could not be read`);
  const containment = await contain(key, journal, options);
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim();
  const pipes = new PipeMaker(join(path, 'pipes'));
  await pipes.prepare();
  const folders = new AttemptFolders(path, options);
  const table = new AttemptTable(MAX_ENDED_ATTEMPTS);
  const supervisor: Supervisor = new Supervisor({
    ...{ table, journal, bootId, log },
    onChange: (attempt) => {
      listener.announce(attempt);
      events.onChange();
    },
  });
  let leaving = false;
  const onReaped = supervisor.reaped.bind(supervisor);
  const start = { journal, containment, pipes, folders, key, bootId, onReaped };
  const tools = { table, supervisor, journal, folders, log, start, isLeaving: () => leaving };
  const listener: Listener = new Listener({
    ...{ tools, containment, version: options.version },
    onExit: events.onExit,
    onAttachment: events.onChange,
  });

  await clearLeftovers({ journal, containment, supervisor, table, bootId, log });
  await folders.recover((name) => table.has(name));
  const socket = await makeSocketPath(path);
  // Ours is the lock, so whatever is there was left behind.
  if (!socket.moved) await removeSocket(path, socket.path);
  else log.warn(`the path of the state directory is too long for a socket: listening on ${socket.path} instead`);
  await listener.listen(socket.path);
  log.info(`keeping ${path}, listening on ${socket.path}`);

  return {
    get hasAgent() {
      return listener.hasAgent;
    },
    living: table.living,
    leave: (withinMs) => {
      leaving = true;
      if (withinMs > 0) listener.leave(withinMs);
    },
    stopAll: (detail) => {
      for (const attempt of table.living) supervisor.stop(attempt, { cause: EndCause.STOPPED, detail });
    },
    close: async () => {
      leaving = true;
      await listener.close();
      supervisor.close();
      await containment.close();
      await pipes.close();
      await journal.close();
      await removeSocket(path, socket.path);
      directory.release();
    },
  };
}

async function contain(key: string, journal: Journal, options: KeeperOptions): Promise<Containment> {
  const { containment, base } = await detectContainment({
    key,
    earlierBases: [...journal.state.cgroupBases],
    strongest: options.containment ?? 'cgroup',
  });
  if (containment.kind === 'process-group') {
    options.log.warn(`no cgroup for each attempt (${containment.weakness}): a process that hides can escape its stop`);
  }
  if (base !== '' && !journal.state.cgroupBases.has(base)) await journal.append(cgroupBaseRecord(base));
  return containment;
}

interface Leftovers {
  readonly journal: Journal;
  readonly containment: Containment;
  readonly supervisor: Supervisor;
  readonly table: AttemptTable;
  readonly bootId: string;
  readonly log: KeeperLog;
}

/** A7: what an earlier keeper of this state directory left is killed before anybody is served; known ends are kept. */
async function clearLeftovers({ journal, containment, supervisor, table, bootId, log }: Leftovers): Promise<void> {
  const killed: Attempt[] = [];
  for (const journaled of journal.state.attempts.values()) {
    const attempt = journaled.kept && attemptFrom(journaled.kept);
    if (attempt === undefined) continue;
    if (attempt.ended !== undefined) {
      table.add(attempt);
      continue;
    }
    // Of another boot: nothing of it can live, so its place is not even looked for.
    if (journaled.bootId === bootId) {
      const first = { pid: attempt.pid, startTicks: attempt.startTicks };
      attempt.tree = containment.reopen(attempt, journaled.kept?.cgroup ?? '', first);
    }
    const detail = attempt.tree === undefined ? 'the host was booted since' : 'its keeper died';
    supervisor.killLeftover(attempt, { cause: EndCause.LOST, detail });
    killed.push(attempt);
  }
  const ends = Promise.all(killed.map(({ whenEnded }) => whenEnded.promise));
  await Promise.race([ends, new Promise((resolve) => setTimeout(resolve, LEFTOVERS_MS).unref())]);
  await containment.sweep(LEFTOVERS_MS);
  if (killed.length > 0) log.warn(`an earlier keeper left ${killed.length} attempts: ${describe(killed)}`);
}

function describe(attempts: readonly Attempt[]): string {
  return attempts.map(({ key, ended }) => `${key} ${ended ? 'is ended' : 'CAN NOT BE KILLED'}`).join(', ');
}
