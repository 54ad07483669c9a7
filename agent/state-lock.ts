/** One agent for each state directory. The lock is one of the kernel (through SQLite), free the moment its holder dies. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** SQLite: another process holds the lock. */
const BUSY = 5;

/** Another agent is at work in the state directory. */
export class AgentRunningError extends Error {
  override readonly name = 'AgentRunningError';
}

export interface StateLock {
  release(): void;
}

/** Makes the folder, private to this user, and takes its lock. @throws AgentRunningError */
export function lockStateDirectory(stateDir: string): StateLock {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  // Whoever can enter can connect to the sockets in it and run programs as this user.
  chmodSync(stateDir, 0o700);
  const lock = new DatabaseSync(join(stateDir, 'agent.lock'), { timeout: 0 });
  try {
    // Nothing is ever written, so there is nothing to keep a rollback journal for.
    lock.exec('PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!(error instanceof Error) || !('errcode' in error) || error.errcode !== BUSY) throw error;
    throw new AgentRunningError(
      `an agent is at work in ${stateDir} already (process ${holder(stateDir)}): a state directory has only one; give this one another`,
      { cause: error },
    );
  }
  writeFileSync(join(stateDir, 'agent.pid'), `${process.pid}\n`, { mode: 0o600 });
  return { release: () => lock.close() };
}

function holder(stateDir: string): string {
  try {
    return readFileSync(join(stateDir, 'agent.pid'), 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
