/** Finds the keeper of a state directory, or starts one that outlives the agent. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ownerOf } from '../../shared/keeper/state-key.ts';
import { type ConnectOptions, connectKeeper, type KeeperConnection, KeeperUnreachableError } from './client.ts';

/** The keeper's own log starts anew past this size; one older file is kept. */
const LOG_LIMIT_BYTES = 1024 * 1024;

/** A keeper that is not there after this time may have ended again: one more does no harm, as only one gets the lock. */
const SPAWN_AGAIN_MS = 5_000;

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
export function spawnKeeper(directory: string, options: SpawnKeeperOptions = {}): { readonly pid: number | undefined } {
  // The keeper has a working directory of its own.
  const stateDir = resolve(directory);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const [program = process.execPath, ...front] = options.command ?? defaultCommand();
  const log = openLog(join(stateDir, 'keeper.log'));
  try {
    const child = spawn(program, [...front, '--state-dir', stateDir, ...(options.args ?? [])], {
      // Its own session: a Ctrl-C or hang-up meant for the agent does not reach it.
      detached: true,
      cwd: '/',
      env: options.env ?? process.env,
      stdio: ['ignore', log, log],
    });
    // Whoever waits for the keeper's socket notices; without a listener the error would end the agent.
    child.on('error', () => undefined);
    child.unref();
    return { pid: child.pid };
  } finally {
    closeSync(log);
  }
}

/**
 * Connects to the keeper of a state directory and starts one if there is none. One that is there but says nothing guards no deadline:
 * it is killed, and the next one kills what it held (semantics: A9). Rejects with KeeperUnreachableError.
 */
export async function ensureKeeper(options: EnsureKeeperOptions): Promise<KeeperConnection> {
  const giveUpAt = performance.now() + (options.startTimeoutMs ?? 20_000);
  let spawnAt = 0;
  for (let waitMs = 20; ; waitMs = Math.min(2 * waitMs, 250)) {
    try {
      return await connectKeeper(options);
    } catch (error) {
      if (!(error instanceof KeeperUnreachableError) || performance.now() > giveUpAt) throw error;
      if (error.isSilent) await killOwner(options.stateDir);
    }
    if (performance.now() >= spawnAt) {
      spawnKeeper(options.stateDir, options);
      spawnAt = performance.now() + SPAWN_AGAIN_MS;
    }
    await sleep(waitMs);
  }
}

async function killOwner(stateDir: string): Promise<void> {
  const owner = await ownerOf(stateDir);
  if (owner !== undefined) process.kill(owner.pid, 'SIGKILL');
}

function defaultCommand(): readonly string[] {
  // agent/keeper-link/launch.ts, or dist/agent/keeper-link/launch.js once compiled.
  const root = import.meta.filename.endsWith('.ts') ? '../..' : '../../..';
  return [process.execPath, join(import.meta.dirname, root, 'bin/locum.js'), 'keeper'];
}

function openLog(file: string): number {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}
