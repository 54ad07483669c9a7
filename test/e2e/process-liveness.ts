/** Whether a process of this machine still runs something. */
import { readFileSync } from 'node:fs';

/** A zombie has no command line any more. */
export function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}
