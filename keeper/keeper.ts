/** A keeper, put together: everything between its lock and its socket. */
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { count } from '../shared/count.ts';
import { DiskLane } from '../shared/disk-lane.ts';
import { readNow } from '../shared/host/clocks.ts';
import { CoreLoop } from '../shared/host/core-loop.ts';
import { processEntry } from '../shared/host/process-table.ts';
import type { ServiceState } from '../shared/host/service-notifier.ts';
import { type KeeperRecord, removeKeeperRecord, writeKeeperRecord } from '../shared/keeper/keeper-record.ts';
import { openRuntimeFolder, type RuntimeFolder } from '../shared/keeper/runtime-folder.ts';
import { makeSocketPath, removeSocket } from '../shared/keeper/socket-path.ts';
import { Core } from './core/core.ts';
import type { Event, KeeperNow } from './core/event.ts';
import { type JournalRecord, recorded, recordsOf } from './core/record.ts';
import type { KeeperState } from './core/state.ts';
import { AttemptFolders, type AttemptFoldersOptions } from './disk/attempt-folders.ts';
import { Journal, readJournal } from './disk/journal.ts';
import { PipeMaker } from './drivers/process/output-pipe.ts';
import { ProcessDriver } from './drivers/process/process-driver.ts';
import { type EffectTools, type Performed, performEffect } from './effects.ts';
import { HostWatch } from './host-watch.ts';
import type { KeeperLog } from './keeper-log.ts';
import { endPredecessor } from './predecessor.ts';
import { claimStateDirectory, type StateDirectory } from './state-directory.ts';
import { AgentListener } from './wire/listener.ts';

/** How long the last words to the disk may take when the keeper ends. */
const LAST_WRITES_MS = 1_000;

export interface KeeperOptions extends AttemptFoldersOptions {
  readonly stateDir: string;
  readonly version: string;
  readonly log: KeeperLog;
  /** Default `cgroup`, where the host has it. */
  readonly containment?: 'cgroup' | 'process-group';
  /** How long the keeper stays with no agent and nothing that lives, in milliseconds. */
  readonly idleMs: number;
}

export interface Keeper {
  /** Resolves with the exit code once it has given up socket, cgroups and lock. What still lives is the next keeper's. */
  readonly ended: Promise<number>;
  /** Resolves once agents can reach it. */
  readonly serving: Promise<void>;
  readonly service: () => ServiceState;
  /** SIGTERM: the host shuts down. */
  shutDown(withinMs: number): void;
  /** The disk was asked something and has not answered: the process can not end in the ordinary way. */
  readonly isStalled: boolean;
}

/** Takes the state directory, kills what earlier keepers left in it, and serves. @throws KeeperRunningError */
export async function openKeeper(options: KeeperOptions): Promise<Keeper> {
  const directory = await claimStateDirectory(options.stateDir);
  try {
    return await assemble(directory, options);
  } catch (error) {
    directory.release();
    throw error;
  }
}

async function assemble(directory: StateDirectory, options: KeeperOptions): Promise<Keeper> {
  const { key, path } = directory;
  const { log } = options;
  const memory = openRuntimeFolder(path);
  const unrecordedFolders = await endPredecessor(memory, key, log);
  const { recovered, unread } = await readJournal(join(path, 'keeper.journal'));
  if (unread > 0) log.warn(`${unread} lines of the journal could not be read`);
  const pipes = new PipeMaker(join(memory?.path ?? path, 'pipes'));
  await pipes.prepare();
  const folders = new AttemptFolders(path, { ...options, suspect: () => parts.watch.suspect() });
  const strongest = options.containment ?? 'cgroup';
  const driver = await ProcessDriver.open(
    { key, earlierBases: new Set(recovered.cgroupBases), unrecordedFolders, strongest, pipes, folders },
    { reaped: ({ run, epoch }, exit) => push({ kind: 'reaped', attempt: `${run}-${epoch}`, exit }) },
  );
  if (driver.kind === 'process-group')
    log.warn(`no cgroup for each attempt (${driver.weakness}): a process that hides can escape its stop`);
  if (driver.limitsWeakness !== '') log.info(`limits of resources can't all be held (${driver.limitsWeakness})`);
  if (driver.base !== '') recovered.cgroupBases.add(driver.base);
  const startTicks = processEntry(process.pid)?.startTicks ?? 0;
  const record: KeeperRecord = { pid: process.pid, startTicks, key, cgroups: driver.cgroupFolders };
  writeKeeperRecord(memory, record);

  const core = new Core({ bootId: bootId(), recovered, idleMs: options.idleMs }, readNow());
  const { state } = core;
  const journal = new Journal({ path: join(path, 'keeper.journal'), snapshot: () => snapshot(state) });
  await journal.open().catch((error: unknown) => log.error(`the journal can't be written: ${String(error)}`));
  const ended = Promise.withResolvers<number>();
  const serving = Promise.withResolvers<void>();
  const parts: Parts = {
    ...{ directory, memory, record, state, journal, folders, driver, pipes, log },
    watch: new HostWatch({
      ...{ stateDir: path, driver, journal, log },
      tell: (problems) => push({ kind: 'host_problems', problems }),
    }),
    listener: new AgentListener({
      ...{
        state,
        containment: driver.kind,
        features: driver.features,
        version: options.version,
        post: (event) => push(event),
      },
      check: (attempt, argv, limitMs) => driver.check(attempt, argv, limitMs),
      readOutput: (attempt, query) => folders.readOutput(attempt, query),
    }),
    socket: new DiskLane('the socket', LAST_WRITES_MS),
    post: (event) => push(event),
    serve: () => void serve(parts).then(serving.resolve, (error: unknown) => ended.reject(error)),
    end: (code) => void close(parts, loop, code).then(() => ended.resolve(code)),
  };
  const loop = new CoreLoop<Event, Performed, KeeperNow>({
    core,
    readNow,
    perform: (effect) => performEffect(effect, parts),
  });
  const push = (event: Event): void => loop.push(event);
  push({ kind: 'begin' });
  return {
    ended: ended.promise,
    serving: serving.promise,
    service: () => serviceOf(state),
    shutDown: (withinMs) => push({ kind: 'shutdown', withinMs }),
    get isStalled() {
      return [journal, folders, parts.watch, parts.socket].some(({ busy }) => busy);
    },
  };
}

/** Its loop is all that it needs: what waits for a disk waits beside it (docs/adr/0014-hands-need-no-disk.md). */
const serviceOf = ({ phase, attempts }: KeeperState): ServiceState => ({
  words: phase.kind === 'serving' ? `keeps ${count(attempts.size, 'attempt')}` : phase.kind,
  isWell: true,
});

interface Parts extends EffectTools {
  readonly directory: StateDirectory;
  readonly memory: RuntimeFolder | undefined;
  readonly record: KeeperRecord;
  readonly driver: ProcessDriver;
  readonly pipes: PipeMaker;
  readonly socket: DiskLane;
}

/** Leftovers are dead: looks at the host, then listens. */
async function serve({ directory, memory, record, state, folders, watch, listener, log }: Parts): Promise<void> {
  const { path } = directory;
  void folders
    .recover((key) => state.attempts.has(key))
    .catch((error: unknown) => log.warn(`old output can't be looked through: ${String(error)}`));
  const socket = await makeSocketPath(path);
  // Ours is the lock, so whatever is there was left behind.
  if (!socket.moved) await removeSocket(path, socket.path);
  else log.warn(`the path of the state directory is too long for a socket: listening on ${socket.path} instead`);
  await listener.listen(socket.path);
  // An agent finds it there when the disk that says where it is has stalled.
  if (socket.moved) writeKeeperRecord(memory, { ...record, socket: socket.path });
  log.info(`keeping ${path}, listening on ${socket.path}`);
  watch.look();
}

async function close(parts: Parts, loop: CoreLoop<Event, Performed, KeeperNow>, code: number): Promise<void> {
  const { directory, memory, state, journal, folders, driver, pipes, listener, watch, socket } = parts;
  loop.stop();
  folders.close();
  watch.close();
  await listener.close();
  driver.close();
  pipes.close();
  // What could not be killed is found by it, also by an agent that comes first.
  if (code === 0) removeKeeperRecord(memory);
  memory?.removeIfEmpty();
  await journal.close();
  // Under our lock still, so no next keeper has read it.
  const forgets = code === 0 && state.forgets;
  if (forgets)
    await socket.run(() => rm(join(directory.path, 'keeper.journal'), { force: true })).catch(() => undefined);
  await socket
    .run(async () => removeSocket(directory.path, (await makeSocketPath(directory.path)).path))
    .catch(() => undefined);
  directory.release();
}

/**
 * The fewest records that say what is known now. One that stands at no gate yet has nothing that could be left behind. What earlier
 * keepers left is still apart when the journal is opened: without it, a second restart would know of no end and no living tree.
 */
function* snapshot(state: KeeperState): Generator<JournalRecord> {
  const kept = [...state.attempts]
    .filter(([, { ended, place }]) => ended !== undefined || place.pid !== 0 || place.cgroup !== '')
    .map(([key, attempt]) => [key, recorded(attempt, state.bootId)] as const);
  const attempts = new Map([...state.leftovers, ...kept]);
  const { spent, highestTerm } = state;
  yield* recordsOf({ spent, highestTerm, cgroupBases: new Set(state.cgroupBases), attempts });
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
