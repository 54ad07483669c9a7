/** Real trees that nothing can kill: what is frozen by the v1 freezer takes no signal, not even the kill of its cgroup. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Containment } from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { AttemptState, EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { groupObstacle, ResourceGroup } from '../faults/sick/resource-group.ts';
import { UndoGuard } from '../faults/sick/undo-guard.ts';
import { gone, isRunning, kill, Rig, withRealKeepers } from './rig.ts';

withRealKeepers();

let guard: UndoGuard | undefined;
// Registered after the rig's own, so it comes before it: what is frozen could not be tidied away.
afterEach(async () => {
  await guard?.close();
  guard = undefined;
});

it('what a dead keeper left, no record names and nothing can kill is STUCK in the next one until it is dead', async (ctx) => {
  const obstacle = groupObstacle('freezer');
  if (obstacle !== undefined) ctx.skip(obstacle);
  const rig = new Rig();
  const agent = await rig.agent();
  const { containment, keeperPid } = agent.connection.opened;
  if (containment !== Containment.CGROUP) ctx.skip('this host or user has no cgroup v2');
  const pid = rig.track(await agent.run({ run: 'stuck-1', does: 'exec sleep 1000' }));
  guard = new UndoGuard();
  const freezer = new ResourceGroup('freezer', 'unkillable', guard);
  freezer.addThread(pid);
  freezer.freeze(guard);
  kill(keeperPid, 'SIGKILL');
  await gone(keeperPid);
  rmSync(join(rig.stateDir, 'keeper.journal'));

  const next = await rig.agent();
  expect(isRunning(pid)).toBe(true);
  expect(next.connection.opened.attempts).toMatchObject([
    { status: { run: 'stuck-1', policy: '', state: AttemptState.STUCK } },
  ]);
  freezer.thaw();
  expect(await next.end('stuck-1')).toMatchObject({ cause: EndCause.LOST, proof: 'its process tree is empty' });
  expect(isRunning(pid)).toBe(false);
});
