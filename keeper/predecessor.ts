/**
 * The keeper that had this state directory before, as memory knows it. Whoever holds the lock is the only keeper; one that lives all the
 * same holds the lock of a file that is gone: somebody emptied the directory under it, or moved it away. No agent finds it there, so what
 * it keeps for HOLD and OVERLAP would go on for ever beside what is started next.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../shared/caught-error.ts';
import { killProcess } from '../shared/host/kill-process.ts';
import { keeperMark, processGroupTree } from '../shared/host/process-group.ts';
import { isAlive } from '../shared/host/process-table.ts';
import { readKeeperRecord } from '../shared/keeper/keeper-record.ts';
import type { RuntimeFolder } from '../shared/keeper/runtime-folder.ts';
import type { KeeperLog } from './keeper-log.ts';

/** Between two looks at what it left, and for how long. */
const LOOK_MS = 20;
const LIMIT_MS = 5_000;

/**
 * Ends it, and what it kept outside cgroups. Answers with the folders of its cgroups, for the sweep.
 * Call it with the lock of the state directory. `key`: of this directory now.
 */
export async function endPredecessor(
  memory: RuntimeFolder | undefined,
  key: string,
  log: KeeperLog,
): Promise<readonly string[]> {
  const before = readKeeperRecord(memory);
  if (before === undefined) return [];
  try {
    if (before.pid !== process.pid && isAlive(before)) {
      log.error(`process ${before.pid} kept this state directory until it was emptied: ending it and what it keeps`);
      await killProcess(before);
    }
    // With this key it is in the journal, too, and is found by that.
    if (before.key !== key) await killMarked(before.key);
  } catch (error) {
    log.error(`what the last keeper left can't be looked for: ${messageOf(error)}`);
  }
  return before.cgroups;
}

async function killMarked(key: string): Promise<void> {
  const tree = processGroupTree({ pid: 0, startTicks: 0 }, [keeperMark(key)]);
  const giveUpAt = performance.now() + LIMIT_MS;
  tree.kill();
  while (!tree.isEmpty() && performance.now() < giveUpAt) await sleep(LOOK_MS);
}
