/** A keeper is found without its disk, or given up in a bounded time: also where the path of its state directory is too long for a socket. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectKeeper } from '../../agent/keeper-link/client.ts';
import { findKeeper, KeeperUnreachableError } from '../../agent/keeper-link/find-keeper.ts';
import { DiskLane } from '../../shared/disk-lane.ts';
import { removeKeeperRecord } from '../../shared/keeper/keeper-record.ts';
import { openRuntimeFolder } from '../../shared/keeper/runtime-folder.ts';
import { KEEPER_PID_FILE } from '../../shared/keeper/state-key.ts';
import { Rig, withRealKeepers } from './rig.ts';

withRealKeepers();

const stalled: string[] = [];

/** Reading a pipe that nobody writes to waits for ever, as reading a stalled disk does. */
function stall(path: string): void {
  rmSync(path);
  execFileSync('mkfifo', [path]);
  stalled.push(path);
}

// Registered after the rig's own, so it comes before it: whoever waits goes on.
afterEach(() => {
  for (const path of stalled.splice(0)) closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK));
});

async function deepKeeper() {
  const rig = new Rig({}, { deep: true });
  const { keeperPid: pid } = (await rig.agent()).connection.opened;
  stall(join(rig.stateDir, 'keeper.socket-path'));
  stall(join(rig.stateDir, KEEPER_PID_FILE));
  const lane = new DiskLane(rig.stateDir, 100);
  return { rig, pid, options: { stateDir: rig.stateDir, agentVersion: 'test', tell: () => undefined, lane } };
}

describe('a keeper whose disk does not say where it listens', () => {
  it('is found by what memory has of it', async () => {
    const { options, pid } = await deepKeeper();
    const connection = await connectKeeper(options);
    expect(connection.opened.keeperPid).toBe(pid);
    expect(await findKeeper(options)).toMatchObject({ pid });
    connection.close();
  });

  it('is unreachable in a bounded time where memory has nothing, however often it is looked for', async () => {
    const { options, rig } = await deepKeeper();
    removeKeeperRecord(openRuntimeFolder(rig.stateDir));
    for (let round = 0; round < 20; round += 1)
      await expect(connectKeeper(options)).rejects.toThrow(KeeperUnreachableError);
    expect(await findKeeper(options)).toBeUndefined();
  });
});
