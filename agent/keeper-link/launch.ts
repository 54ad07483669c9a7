/** Finds the keeper of a state directory, or starts one that outlives the agent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killProcess } from '../../shared/host/kill-process.ts';
import { type ConnectOptions, connectKeeper, type KeeperConnection } from './client.ts';
import { findKeeper, KeeperUnreachableError, type Whereabouts } from './find-keeper.ts';

/** The keeper's own log starts anew past this size; one older file is kept. */
const LOG_LIMIT_BYTES = 1024 * 1024;

/**
 * Makes the folder and opens the log in a shell of its own: a disk that stalls stops that shell and nobody else, and one that is full
 * costs the log and nothing else.
 */
const LAUNCH = `
umask 077
[ -d "$0" ] || mkdir -p "$0"
if [ "$(wc -c < "$0/keeper.log" 2> /dev/null || echo 0)" -gt ${LOG_LIMIT_BYTES} ]; then mv "$0/keeper.log" "$0/keeper.log.1"; fi
( : >> "$0/keeper.log" ) 2> /dev/null && exec "$@" >> "$0/keeper.log" 2>&1
exec "$@" > /dev/null 2>&1
`;

/**
 * Node for a program that has little to remember and must stay small: the table of a keeper is a few megabytes at most. It is idle nearly
 * always, so nothing of it is worth the optimizing compilers, whose code is 5 MiB; the baseline compiler stays.
 */
const NODE_FLAGS: readonly string[] = [
  ...['--max-semi-space-size=1', '--max-old-space-size=256', '--single-threaded-gc'],
  ...['--v8-pool-size=1', '--optimize-for-size', '--no-opt', '--no-maglev'],
];

/** A thread for each lane to a disk that stalls, and some for what does not go there; one arena, as its threads allocate next to nothing. */
const KEEPER_ENV = { UV_THREADPOOL_SIZE: '8', MALLOC_ARENA_MAX: '1' };

export interface SpawnKeeperOptions {
  /** Program and arguments in front of `--state-dir DIR`. Default: this Node with `bin/locum.js keeper`. */
  readonly command?: readonly string[];
  /** Arguments behind `--state-dir DIR`. Default: none. */
  readonly args?: readonly string[];
  /** Environment of the keeper. Default: the agent's. Workloads see nothing of it. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface EnsureKeeperOptions extends ConnectOptions, SpawnKeeperOptions {
  /** How long a new keeper may take until it serves; it kills leftovers first. Default: 20 s. */
  readonly startTimeoutMs?: number;
}

/**
 * Starts a keeper in a session of its own, with its log in `<state dir>/keeper.log`, and does not wait for it.
 * One that finds another keeper at work ends by itself.
 */
export function spawnKeeper(directory: string, options: SpawnKeeperOptions = {}): ChildProcess {
  // The keeper has a working directory of its own.
  const stateDir = resolve(directory);
  const command = [...(options.command ?? defaultCommand()), '--state-dir', stateDir, ...(options.args ?? [])];
  const child = spawn('/bin/sh', ['-c', LAUNCH, stateDir, ...command], {
    // Its own session: a Ctrl-C or hang-up meant for the agent does not reach it.
    detached: true,
    cwd: '/',
    env: { ...(options.env ?? process.env), ...KEEPER_ENV },
    stdio: 'ignore',
  });
  // Whoever waits for the keeper's socket notices; without a listener the error would end the agent.
  child.on('error', () => undefined);
  child.unref();
  return child;
}

/** The newest keeper that was started from here and has not served yet, by state directory: another one would only wait behind it. */
const started = new Map<string, ChildProcess>();

/**
 * Connects to the keeper of a state directory and starts one if there is none. One that is there but says nothing guards no deadline:
 * it is killed, and the next one kills what it held (semantics: A9). Rejects with KeeperUnreachableError.
 */
export async function ensureKeeper(options: EnsureKeeperOptions): Promise<KeeperConnection> {
  const giveUpAt = performance.now() + (options.startTimeoutMs ?? 20_000);
  for (let waitMs = 20; ; waitMs = Math.min(2 * waitMs, 250)) {
    try {
      const connection = await connectKeeper(options);
      started.delete(options.stateDir);
      return connection;
    } catch (error) {
      if (!(error instanceof KeeperUnreachableError) || performance.now() > giveUpAt) throw error;
      if (error.isSilent) await killOwner(options);
    }
    if (!isStarting(options.stateDir)) started.set(options.stateDir, spawnKeeper(options.stateDir, options));
    await sleep(waitMs);
  }
}

/** One that waits for a stalled disk can't be ended; many of them would be worse than one. */
function isStarting(stateDir: string): boolean {
  const child = started.get(stateDir);
  return child !== undefined && child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function killOwner(options: Whereabouts): Promise<void> {
  const owner = await findKeeper(options);
  if (owner !== undefined) await killProcess(owner);
}

function defaultCommand(): readonly string[] {
  // agent/keeper-link/launch.ts, or dist/agent/keeper-link/launch.js once compiled.
  const root = import.meta.filename.endsWith('.ts') ? '../..' : '../../..';
  return [process.execPath, ...NODE_FLAGS, join(import.meta.dirname, root, 'bin/locum.js'), 'keeper'];
}
