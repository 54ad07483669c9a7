/** The host's processes, as `/proc` shows them: the net under process groups where there is no cgroup v2. */
import { readdir, readFile } from 'node:fs/promises';

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

/** How many files of /proc are read at once: the loop must stay free for deadlines. */
const AT_ONCE = 32;

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

/** One process; undefined when there is none with this id. */
export async function processEntry(pid: number): Promise<ProcessEntry | undefined> {
  return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));
}

/** Every process that runs something. */
export async function runningProcesses(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries: ProcessEntry[] = [];
  for (let i = 0; i < pids.length; i += AT_ONCE) {
    const batch = await Promise.all(pids.slice(i, i + AT_ONCE).map((pid) => processEntry(Number(pid))));
    for (const entry of batch) if (entry !== undefined && !entry.isZombie) entries.push(entry);
  }
  return entries;
}

/** Environment that a process was started with, `NAME=value` each. Empty where it is gone or another user's. */
export async function startEnvironment(pid: number): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).split('\0');
}
