/** The host's processes, as `/proc` shows them: the net under process groups where there is no cgroup v2. */
import { errorCode, isGone } from '../caught-error.ts';
import { namesInKernelFolder, readKernelFile, readKernelFileLater } from './kernel-file.ts';

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
  /** Ended and not yet reaped by its parent: it runs nothing any more. */
  readonly isZombie: boolean;
}

/** Parses `/proc/<pid>/stat`; undefined for anything else. The name in parentheses may hold spaces and parentheses itself. */
export function parseStat(text: string): ProcessEntry | undefined {
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group, session] = fields;
  const startTicks = Number(fields[19]);
  if (!Number.isInteger(pid) || state === undefined || !Number.isInteger(startTicks)) return undefined;
  const isZombie = state === 'Z' || state === 'X';
  return { pid, parent: Number(parent), group: Number(group), session: Number(session), startTicks, isZombie };
}

/** For `catch`: a process that is gone or hidden from this user says nothing. That it could not be read says nothing of the process. */
function emptyIfHidden(error: unknown): '' {
  if (isGone(error) || ['EACCES', 'EPERM'].includes(errorCode(error))) return '';
  throw error;
}

/** One process; undefined when there is none with this id. @throws when that can't be found out, as without descriptors */
export function processEntry(pid: number): ProcessEntry | undefined {
  try {
    return parseStat(readKernelFile(`/proc/${pid}/stat`));
  } catch (error) {
    return parseStat(emptyIfHidden(error));
  }
}

/** Every process that runs something. `stat` takes no lock of the process, unlike its environment. @throws as processEntry */
export function runningProcesses(): ProcessEntry[] {
  return namesInKernelFolder('/proc').flatMap((name) => {
    const entry = /^\d+$/.test(name) ? processEntry(Number(name)) : undefined;
    return entry === undefined || entry.isZombie ? [] : [entry];
  });
}

/** Whether a process is still the one that it was, and runs. @throws as processEntry */
export function isAlive({ pid, startTicks }: { readonly pid: number; readonly startTicks: number }): boolean {
  const entry = processEntry(pid);
  return entry !== undefined && !entry.isZombie && entry.startTicks === startTicks;
}

/**
 * Environment that a process was started with, `NAME=value` each. Empty where it is gone or another user's. Not synchronous: it takes
 * a lock of the process's memory, which one that hangs in a page fault may hold. Rejects when it can't be read, as without descriptors.
 */
export async function startEnvironment(pid: number): Promise<readonly string[]> {
  return (await readKernelFileLater(`/proc/${pid}/environ`).catch(emptyIfHidden)).split('\0');
}
