/** Ends one process for certain, also when its number is another's by then. */
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode, isGone } from '../caught-error.ts';
import { isAlive } from './process-table.ts';
import type { FirstProcess } from './tree.ts';

/** Between two looks at it. */
const LOOK_MS = 10;
/** What is not gone after this time sits in the kernel. */
const LIMIT_MS = 2_000;

/** Answers when it is gone, or sits in the kernel: then it runs no more of its code either. */
export async function killProcess(process_: FirstProcess): Promise<void> {
  const giveUpAt = performance.now() + LIMIT_MS;
  while (performance.now() < giveUpAt) {
    try {
      if (!isAlive(process_)) return;
      process.kill(process_.pid, 'SIGKILL');
    } catch (error) {
      if (isGone(error) || errorCode(error) === 'EPERM') return;
    }
    await sleep(LOOK_MS);
  }
}
