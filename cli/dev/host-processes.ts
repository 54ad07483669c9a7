/**
 * Which processes belong to a local cluster, found without trusting anybody's book-keeping: by what `/proc` shows of their
 * environment and working folder. Where there is no `/proc`, nothing is found.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Set in controllers, agents and (inherited) keepers of a local cluster: its data folder. */
export const CLUSTER_MARK = 'LOCUM_DEV';
/** Set by the keeper in every policy's process. */
const KEEPER_MARK = 'LOCUM_KEEPER=';

export interface HostProcess {
  readonly pid: number;
  readonly command: string;
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // It ended meanwhile, or is another user's.
    return undefined;
  }
}

function isZombie(pid: number): boolean {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? '';
  return stat === '' || /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
}

function belongs(pid: number, folder: string): boolean {
  const environment = (tryRead(() => readFileSync(`/proc/${pid}/environ`, 'utf8')) ?? '').split('\0');
  const cwd = tryRead(() => readlinkSync(`/proc/${pid}/cwd`)) ?? '';
  const inside = cwd === folder || cwd.startsWith(folder + sep);
  const mark = environment.find((entry) => entry.startsWith(`${CLUSTER_MARK}=`));
  if (mark?.slice(CLUSTER_MARK.length + 1) === folder) return true;
  const isPolicy = environment.some((entry) => entry.startsWith(KEEPER_MARK));
  return isPolicy && (inside || environment.some((entry) => entry.includes(folder + sep)));
}

/** Processes of the cluster in `folder` (policies, keepers, agents, controller), or of one of its hosts; never this one. */
export function processesOf(folder: string): HostProcess[] {
  const pids = (tryRead(() => readdirSync('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  return pids
    .filter((pid) => pid !== process.pid && belongs(pid, folder) && !isZombie(pid))
    .map((pid) => {
      const command = tryRead(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
      return { pid, command: command.replaceAll('\0', ' ').trim() };
    });
}

/** False when it is gone already. */
export function killProcess(pid: number, signal: NodeJS.Signals = 'SIGKILL'): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Waits until nothing is left, and kills what is left in the end. Returns what had to be killed: empty when all was well. */
export async function clearProcesses(folder: string, options: { readonly waitMs: number }): Promise<HostProcess[]> {
  const deadline = performance.now() + options.waitMs;
  let left = processesOf(folder);
  while (left.length > 0 && performance.now() < deadline) {
    await sleep(50);
    left = processesOf(folder);
  }
  const killed = left;
  for (let pass = 0; pass < 20 && left.length > 0; pass += 1) {
    for (const { pid } of left) killProcess(pid);
    await sleep(25);
    left = processesOf(folder);
  }
  return killed;
}
